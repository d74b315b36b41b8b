import type { ClientBase } from 'pg';
import { quoteName } from '../../platform/postgres.js';

/**
 * SQL for the target: counts each write to tables whose rows are inserted once and never change, whatever the session's
 * replication role. A change that is applied twice shows as a second write, where the rows alone would be equal.
 * @param tables target tables with a key column `id`.
 */
export function countWritesSql(tables: readonly { readonly schema: string; readonly table: string }[]): string {
  return [
    `CREATE SCHEMA proof;
     CREATE TABLE proof.writes (name text, id bigint, n int NOT NULL, PRIMARY KEY (name, id));
     CREATE FUNCTION proof.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO proof.writes VALUES (TG_TABLE_NAME, coalesce(NEW.id, OLD.id), 1)
         ON CONFLICT (name, id) DO UPDATE SET n = proof.writes.n + 1; RETURN NULL; END $$`,
    ...tables.map(
      (table) => `CREATE TRIGGER count AFTER INSERT OR UPDATE OR DELETE ON ${quoteName(table)}
        FOR EACH ROW EXECUTE FUNCTION proof.count(); ALTER TABLE ${quoteName(table)} ENABLE ALWAYS TRIGGER count`,
    ),
  ].join(';\n');
}

/** How many rows of each table were written how often: `entries: 1 x 1200` when each was written once. */
export async function countedWrites(target: ClientBase): Promise<string[]> {
  const { rows } = await target.query<{ text: string }>(
    `SELECT format('%s: %s x %s', name, n, count(*)) AS text FROM proof.writes GROUP BY name, n ORDER BY name, n`,
  );
  return rows.map(({ text }) => text);
}
