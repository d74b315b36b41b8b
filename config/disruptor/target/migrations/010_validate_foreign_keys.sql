-- ferry: after-copy
-- Looks at all rows of the foreign keys; apply goes on meanwhile. The domain schemas are applied side by side: one may be a moment
-- ahead of another and refer to a row that has not arrived. Then it fails, and ferry runs it again.
DO $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT conrelid::regclass AS table_name, conname AS constraint_name FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND NOT convalidated AND connamespace IN (
      SELECT oid FROM pg_catalog.pg_namespace
      WHERE nspname LIKE 'app\_%' OR nspname IN ('security_service', 'auth_gateway', 'shared_services', 'control_room', 'analytics',
        'billing', 'vendors', 'client_services', 'marketplace', 'ai_chat', 'intelligence'))
  LOOP
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', key.table_name, key.constraint_name);
  END LOOP;
END $$;
