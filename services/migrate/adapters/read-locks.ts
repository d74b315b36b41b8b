import type { ClientBase } from 'pg';

/** Ids of the relations that are there, system's left out. */
export async function readRelations(session: ClientBase): Promise<string[]> {
  const { rows } = await session.query<{ oid: string }>(
    `SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
  );
  return rows.map(({ oid }) => oid);
}

/**
 * Locks of the session that keep others from writing, or from changing the schema.
 * @param relations those that matter: what the transaction has made itself nobody waits for.
 */
export async function readLocks(
  session: ClientBase,
  relations: readonly string[],
): Promise<{ relation: string; mode: string }[]> {
  const { rows } = await session.query<{ relation: string; mode: string }>(
    `SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation, l.mode
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND c.oid = ANY ($1::oid[])
       AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
     ORDER BY 1, 2`,
    [relations],
  );
  return rows;
}
