-- Who reaches which rows, before rows come, so that none is ever open to everybody: the old project's policies. Apply writes as
-- the tables' owner, whom policies do not hold. Default privileges gave the service schemas' tables to authenticated; what
-- service_role had, and what anybody had in the schemas of applications, is granted here.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT owned.table_name, policy.name, policy.definition, owned.is_enabled,
           EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = owned.oid AND p.polname = policy.name) AS is_there
    FROM (
      SELECT c.oid, c.oid::regclass AS table_name, c.relrowsecurity AS is_enabled,
             -- Whose rows they are; of a table without such a column, nobody's.
             coalesce((SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
                         AND a.attname IN ('user_id', 'owner_id', 'created_by')),
                      CASE WHEN c.relname IN ('user_accounts', 'profiles', 'users') THEN 'id' END) AS owner_column
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND (n.nspname LIKE 'app\_%' OR n.nspname IN ('security_service', 'auth_gateway', 'shared_services',
        'control_room', 'analytics', 'billing', 'vendors', 'client_services', 'marketplace', 'ai_chat', 'intelligence'))
    ) AS owned
    CROSS JOIN LATERAL (VALUES
      ('Service role does all', 'TO service_role USING (true) WITH CHECK (true)'),
      ('Users reach their own rows', format('TO authenticated USING (%1$I = auth.uid()) WITH CHECK (%1$I = auth.uid())', coalesce(owner_column, 'nobody')))
    ) AS policy (name, definition)
    WHERE policy.name = 'Service role does all' OR owned.owner_column IS NOT NULL
    ORDER BY owned.oid, policy.name
  LOOP
    -- Not twice: both take a lock that waits for every reader.
    IF NOT wanted.is_enabled THEN
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', wanted.table_name);
    END IF;
    IF NOT wanted.is_there THEN
      EXECUTE format('CREATE POLICY %I ON %s %s', wanted.name, wanted.table_name, wanted.definition);
    END IF;
  END LOOP;
END $$;

GRANT ALL ON ALL TABLES IN SCHEMA security_service, auth_gateway, shared_services, control_room, analytics, billing, vendors,
  client_services, marketplace, ai_chat, intelligence TO service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA security_service, auth_gateway, shared_services, control_room, analytics, billing, vendors,
  client_services, marketplace, ai_chat, intelligence TO service_role;
GRANT USAGE ON SCHEMA app_the_fixer_initiative, app_onasis_core, app_lanonasis_maas, app_seftec, app_seftechub, app_vortexcore,
  app_mcp_monorepo TO authenticated, service_role;
GRANT ALL ON ALL TABLES IN SCHEMA app_the_fixer_initiative, app_onasis_core, app_lanonasis_maas, app_seftec, app_seftechub,
  app_vortexcore, app_mcp_monorepo TO authenticated, service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app_the_fixer_initiative, app_onasis_core, app_lanonasis_maas, app_seftec, app_seftechub,
  app_vortexcore, app_mcp_monorepo TO authenticated, service_role;
