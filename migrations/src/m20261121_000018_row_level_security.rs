//! Row level security on PostgreSQL: what the role `contact_gateway_tenant` sees is one organization's.
//!
//! The owner of the tables does not notice, and neither does any other role: the gateway takes on the tenant's role for
//! the statements of a request where its configuration says so (docs/adr/0011). SQLite has no
//! such thing. May import sea_orm_migration; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Creates the function that raises the wall, and calls it.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(RAISE).await?;
            manager.get_connection().execute_unprepared(TRY_TO_RAISE).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(TAKE_DOWN).await?;
        }
        Ok(())
    }
}

/// Can be called again and again: by a later migration that adds a table, and by an administrator where the owner of the
/// tables may not make roles. A role is the whole server's, so another database may make it at the same time.
const RAISE: &str = "
CREATE FUNCTION contact_gateway_raise_wall() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wall record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'contact_gateway_tenant') THEN
        BEGIN
            CREATE ROLE contact_gateway_tenant NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    -- Whoever raises the wall may stand behind it. To inherit the role would be to stand behind it always.
    IF current_setting('server_version_num')::integer >= 160000 THEN
        EXECUTE 'GRANT contact_gateway_tenant TO CURRENT_USER WITH INHERIT FALSE, SET TRUE';
    ELSIF NOT pg_has_role(CURRENT_USER, 'contact_gateway_tenant', 'MEMBER') THEN
        GRANT contact_gateway_tenant TO CURRENT_USER;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO contact_gateway_tenant', current_schema());
    FOR wall IN
        SELECT format('%I.%I', current_schema(), class.relname) AS place,
            CASE class.relname
                WHEN 'organization' THEN
                    'id = ANY (string_to_array(current_setting(''contact_gateway.organizations'', true), '','')::bigint[])'
                ELSE 'org_id = (SELECT NULLIF(current_setting(''contact_gateway.organization'', true), '''')::bigint)'
            END AS own
        FROM pg_class AS class
        WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind = 'r'
            AND (class.relname = 'organization' OR EXISTS (
                SELECT FROM pg_attribute
                WHERE attrelid = class.oid AND attname = 'org_id' AND NOT attisdropped
            ))
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO contact_gateway_tenant', wall.place);
        EXECUTE format('DROP POLICY IF EXISTS everybody ON %s', wall.place);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %s', wall.place);
        EXECUTE format('CREATE POLICY everybody ON %s USING (true)', wall.place);
        EXECUTE format(
            'CREATE POLICY tenant ON %s AS RESTRICTIVE TO contact_gateway_tenant USING (%s)', wall.place, wall.own
        );
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', wall.place);
    END LOOP;
END;
$$;";

/// Who does not want the wall needs no right to raise it.
const TRY_TO_RAISE: &str = "
DO $$ BEGIN
    PERFORM contact_gateway_raise_wall();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'no row level security: an administrator has to raise it by SELECT contact_gateway_raise_wall()';
END $$;";

/// The role stays: other databases of the server may use it.
const TAKE_DOWN: &str = "
DO $$
DECLARE
    wall record;
BEGIN
    FOR wall IN
        SELECT policy.polrelid::regclass AS place
        FROM pg_policy AS policy JOIN pg_class AS class ON class.oid = policy.polrelid
        WHERE policy.polname = 'tenant' AND class.relnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', wall.place);
        EXECUTE format('DROP POLICY everybody ON %s', wall.place);
        EXECUTE format('DROP POLICY tenant ON %s', wall.place);
        EXECUTE format('REVOKE ALL ON %s FROM contact_gateway_tenant', wall.place);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'contact_gateway_tenant') THEN
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM contact_gateway_tenant', current_schema());
    END IF;
END $$;
DROP FUNCTION contact_gateway_raise_wall();";
