import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { sourceObjectName } from '../../../core/topics.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../../platform/postgres.js';

/**
 * The fence: statement triggers on the mapped tables, whose one function decides.
 *
 * - armed: each writing transaction takes a shared advisory lock, or is refused when it cannot have it at once. The
 *   coordinator raises the fence by asking for that lock alone: from that moment new writers are refused, those in
 *   flight go on undisturbed, and when it has the lock they are all done. No table is locked, so nothing can deadlock
 *   with the application, whatever order it writes in.
 * - closed: every write is refused, whoever the coordinator's session belongs to by then. PostgreSQL finds functions
 *   by its newest catalog, not by a transaction's snapshot, so that an old repeatable-read transaction is refused too.
 * - open: writes pass.
 */
type FenceState = 'armed' | 'closed' | 'open';

/** 40001 is what clients try again, and trying again is right: the flag will have told them where by then. */
function functionSql(pipeline: string, state: FenceState): string {
  const refuse = `RAISE EXCEPTION 'schemaferry: writes to %.% are refused, the pipeline % moves it to the new project',
      TG_TABLE_SCHEMA, TG_TABLE_NAME, ${quoteLiteral(pipeline)}
      USING ERRCODE = '40001', HINT = 'Read the flag again and write to the project that serves.';`;
  const body = {
    armed: `IF NOT pg_catalog.pg_try_advisory_xact_lock_shared(${lockKey(pipeline)}) THEN ${refuse} END IF;`,
    closed: refuse,
    open: '',
  }[state];
  return `CREATE OR REPLACE FUNCTION ferry.${fenceName(pipeline)}() RETURNS trigger LANGUAGE plpgsql AS $fence$
BEGIN -- fence: ${state}
  ${body}
  RETURN NULL;
END $fence$`;
}

/**
 * Puts the armed triggers on the tables, ahead of the pause: one table at a time, each lock waited for briefly and
 * tried again, so that no writer ever waits long or for two tables at once.
 * @throws FerryError `not-ready` naming a table that writers do not let go of.
 */
export async function armFence(
  source: ClientBase,
  pipeline: string,
  tables: readonly QualifiedName[],
  signal: AbortSignal,
): Promise<void> {
  await source.query('CREATE SCHEMA IF NOT EXISTS ferry');
  await source.query(functionSql(pipeline, 'armed'));
  for (const table of tables) {
    for (const one of await withPartitions(source, table)) await armTable(source, pipeline, one, signal);
  }
}

/** A statement that names a partition fires the triggers of that alone, one that names the root those of the root alone. */
async function withPartitions(source: ClientBase, table: QualifiedName): Promise<QualifiedName[]> {
  const { rows } = await source.query<{ schema: string; table: string }>(
    `SELECT n.nspname AS schema, c.relname AS table
       FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) t
       JOIN pg_catalog.pg_class c ON c.oid = t.relid AND c.oid <> pg_catalog.to_regclass($1)
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
    [quoteName(table)],
  );
  return [table, ...rows];
}

async function armTable(
  source: ClientBase,
  pipeline: string,
  table: QualifiedName,
  signal: AbortSignal,
): Promise<void> {
  const trigger = fenceName(pipeline);
  const sql = `BEGIN; SET LOCAL lock_timeout = '250ms';
CREATE OR REPLACE TRIGGER ${trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${quoteName(table)}
  FOR EACH STATEMENT EXECUTE FUNCTION ferry.${trigger}();
ALTER TABLE ${quoteName(table)} ENABLE ALWAYS TRIGGER ${trigger};
COMMIT`;
  for (let attempt = 1; ; attempt++) {
    try {
      await source.query(sql);
      return;
    } catch (error) {
      await source.query('ROLLBACK').catch(() => {});
      if (!isLockRefused(error)) throw error;
      if (attempt < ARM_TRIES && !signal.aborted) continue;
      throw new FerryError('not-ready', `writers on the source do not let go of ${displayName(table)}`, {
        remedy: 'Look for long transactions on the source (ferry check names them), then run the command again.',
        cause: error,
      });
    }
  }
}

const ARM_TRIES = 40;

/**
 * Raises the armed fence: returns when every writer that had begun is done and all others are refused, for good.
 * @param waitMs for the writers in flight, at the most.
 * @throws FerryError `not-ready` when they are not done by then; the fence is down again.
 */
export async function raiseFence(source: ClientBase, pipeline: string, waitMs: number): Promise<void> {
  await source.query(`SET lock_timeout = ${Math.max(1, Math.round(waitMs))}`);
  try {
    await source.query(`SELECT pg_catalog.pg_advisory_lock(${lockKey(pipeline)})`);
  } catch (error) {
    if (!isLockRefused(error)) throw error;
    throw new FerryError('not-ready', `transactions that write on the source were not done within ${waitMs} ms`, {
      remedy: 'Look for long transactions on the source (ferry check names them), then run the command again.',
      cause: error,
    });
  } finally {
    await source.query('SET lock_timeout = 0').catch(() => {});
  }
  // From here on the fence stands without this session; the lock is kept all the same, for a statement that has
  // found the armed function already and calls it only now.
  await source.query(functionSql(pipeline, 'closed'));
}

/** Lifts the fence at once, with no lock; lifting none is no error. */
export async function liftFence(source: ClientBase, pipeline: string): Promise<void> {
  if (await hasFence(source, pipeline)) await source.query(functionSql(pipeline, 'open'));
}

async function hasFence(source: ClientBase, pipeline: string): Promise<boolean> {
  const { rows } = await source.query(
    `SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = 'ferry' AND p.proname = $1`,
    [`${sourceObjectName(pipeline)}_fence`],
  );
  return rows.length > 0;
}

function isLockRefused(error: unknown): boolean {
  return ['55P03', '40P01'].includes((error as { code?: string }).code ?? '');
}

function lockKey(pipeline: string): string {
  return `pg_catalog.hashtext('ferry.fence'), pg_catalog.hashtext(${quoteLiteral(pipeline)})`;
}

function fenceName(pipeline: string): string {
  return quoteIdentifier(`${sourceObjectName(pipeline)}_fence`);
}
