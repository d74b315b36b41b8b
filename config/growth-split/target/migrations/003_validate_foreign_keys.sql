-- ferry: after-copy
-- Looks at all rows of the foreign keys; apply goes on meanwhile. The domain schemas are applied side by side: growth may be a
-- moment ahead of shared and refer to a user who has not arrived. Then it fails, and ferry runs it again.
DO $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT conrelid::regclass AS table_name, conname AS constraint_name FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND NOT convalidated AND connamespace IN
      (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('growth', 'engineering', 'product', 'shared'))
  LOOP
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', key.table_name, key.constraint_name);
  END LOOP;
END $$;
