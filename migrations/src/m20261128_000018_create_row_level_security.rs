//! Row level security on PostgreSQL: what the role `contact_gateway_tenant` sees is one organization's.
//!
//! The owner of the tables does not notice, and neither does any other role: the gateway takes on the tenant's role for
//! the statements of a request where its configuration says so (docs/adr/0011). SQLite has no
//! such thing. May import sea_orm_migration; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Creates the function that enables row level security, and calls it.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(CREATE).await?;
            manager.get_connection().execute_unprepared(TRY_TO_ENABLE).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(DISABLE).await?;
        }
        Ok(())
    }
}

/// Can be called again and again: by a later migration that adds a table, and by an administrator where the owner of the
/// tables may not make roles. A role is the whole server's, so another database may make it at the same time.
const CREATE: &str = "
CREATE FUNCTION contact_gateway_enable_rls() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    tenant_table record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'contact_gateway_tenant') THEN
        BEGIN
            CREATE ROLE contact_gateway_tenant NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    -- The role that calls this may take the tenant's role on. Inheriting it would apply its policies always.
    IF current_setting('server_version_num')::integer >= 160000 THEN
        EXECUTE 'GRANT contact_gateway_tenant TO CURRENT_USER WITH INHERIT FALSE, SET TRUE';
    ELSIF NOT pg_has_role(CURRENT_USER, 'contact_gateway_tenant', 'MEMBER') THEN
        GRANT contact_gateway_tenant TO CURRENT_USER;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO contact_gateway_tenant', current_schema());
    FOR tenant_table IN
        SELECT format('%I.%I', current_schema(), class.relname) AS name,
            CASE class.relname
                WHEN 'organization' THEN
                    'id = ANY (string_to_array(current_setting(''contact_gateway.organizations'', true), '','')::bigint[])'
                ELSE 'org_id = NULLIF(current_setting(''contact_gateway.organization'', true), '''')::bigint'
            END AS own_rows,
            class.relrowsecurity AND (
                SELECT count(*) = 2 FROM pg_policy
                WHERE polrelid = class.oid AND polname IN ('allow_all', 'tenant')
            ) AS is_enabled
        FROM pg_class AS class
        WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind = 'r'
            AND (class.relname = 'organization' OR EXISTS (
                SELECT FROM pg_attribute
                WHERE attrelid = class.oid AND attname = 'org_id' AND NOT attisdropped
            ))
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO contact_gateway_tenant', tenant_table.name);
        -- The statements below lock the table against everybody, and must not lock all tables of a database in use.
        CONTINUE WHEN tenant_table.is_enabled;
        EXECUTE format('DROP POLICY IF EXISTS allow_all ON %s', tenant_table.name);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %s', tenant_table.name);
        EXECUTE format('CREATE POLICY allow_all ON %s USING (true)', tenant_table.name);
        EXECUTE format(
            'CREATE POLICY tenant ON %s AS RESTRICTIVE TO contact_gateway_tenant USING (%s)', tenant_table.name, tenant_table.own_rows
        );
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table.name);
    END LOOP;
END;
$$;";

/// Enables row level security for all tables that lack it, where this role may. Operators who do not use it need no right to
/// create roles.
pub(crate) const TRY_TO_ENABLE: &str = "
DO $$ BEGIN
    PERFORM contact_gateway_enable_rls();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'row level security is off: an administrator enables it by SELECT contact_gateway_enable_rls()';
END $$;";

/// The role stays: other databases of the server may use it.
const DISABLE: &str = "
DO $$
DECLARE
    tenant_table record;
BEGIN
    FOR tenant_table IN
        SELECT policy.polrelid::regclass AS name
        FROM pg_policy AS policy JOIN pg_class AS class ON class.oid = policy.polrelid
        WHERE policy.polname = 'tenant' AND class.relnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', tenant_table.name);
        EXECUTE format('DROP POLICY allow_all ON %s', tenant_table.name);
        EXECUTE format('DROP POLICY tenant ON %s', tenant_table.name);
        EXECUTE format('REVOKE ALL ON %s FROM contact_gateway_tenant', tenant_table.name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'contact_gateway_tenant') THEN
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM contact_gateway_tenant', current_schema());
    END IF;
END $$;
DROP FUNCTION contact_gateway_enable_rls();";
