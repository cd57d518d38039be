-- A million account contacts, a hundred thousand internal contacts and ten thousand organization contacts, for measuring
-- lists at depth on PostgreSQL. Into a database that `contact-gateway migrate up` has made, with organization 1 in it:
--   psql "$DATABASE_URL" -f benches/million.sql
BEGIN;
CREATE FUNCTION pg_temp.uuid7(place bigint, kind int) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex(1700000000000 + place), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8'
            || substr(md5(kind || '-' || place), 1, 15))::uuid
$$;
CREATE TEMP TABLE people ON COMMIT DROP AS
    SELECT n, first[1 + n % 20] AS first, last[1 + (n / 20) % 20] || n / 400 AS last,
           timestamptz '2024-01-01' + n * interval '7 seconds' AS made
    FROM generate_series(1, 1000000) AS n,
         (SELECT ARRAY['ada','grace','alan','edsger','barbara','donald','margaret','dennis','radia','ken','frances','john',
                       'hedy','tim','jean','niklaus','karen','tony','adele','leslie'] AS first,
                 ARRAY['lovelace','hopper','turing','dijkstra','liskov','knuth','hamilton','ritchie','perlman','thompson',
                       'allen','backus','lamarr','lee','bartik','wirth','jones','hoare','goldberg','lamport'] AS last) AS names;
INSERT INTO account (id, org_id, name, sort_key, words, created_at, updated_at, version)
    SELECT pg_temp.uuid7(n, 1), 1, 'Account ' || n, 'account ' || n, 'account ' || n, made, made, 1
    FROM people WHERE n <= 20000;
INSERT INTO account_contact (id, org_id, first_name, last_name, email, email_key, contact_type_id, metadata, sort_key, words,
                             created_at, updated_at, version)
    SELECT pg_temp.uuid7(n, 2), 1, first, last, first || '.' || last || '@c' || n % 20000 + 1 || '.example',
           first || '.' || last || '@c' || n % 20000 + 1 || '.example',
           (SELECT id FROM contact_type WHERE org_id = 1 AND is_default), '{}', first || ' ' || last,
           first || ' ' || last || ' c' || n % 20000 + 1 || ' example',
           made, made + (n % 1000) * interval '1 hour', 1
    FROM people;
INSERT INTO account_contact_account (org_id, account_contact_id, account_id, created_at)
    SELECT 1, pg_temp.uuid7(n, 2), pg_temp.uuid7(n % 20000 + 1, 1), made FROM people;
INSERT INTO internal_contact (id, org_id, email, email_key, given_name, family_name, sort_key, words, created_at, updated_at,
                              version)
    SELECT pg_temp.uuid7(n, 3), 1, first || '.' || last || '@home.example', first || '.' || last || '@home.example', first,
           last, first || ' ' || last, first || ' ' || last || ' home example', made, made, 1
    FROM people WHERE n <= 100000;
INSERT INTO organization_contact (org_id, type, name, sort_key, words, created_at, updated_at, version)
    SELECT 1, 1 + n % 5, 'Desk ' || n, 'desk ' || n, 'desk ' || n, made, made, 1 FROM people WHERE n <= 10000;
COMMIT;
VACUUM ANALYZE;
