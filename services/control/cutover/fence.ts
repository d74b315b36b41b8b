import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { QualifiedName } from '../../../core/relation.js';
import { sourceObjectName } from '../../../core/topics.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../../platform/postgres.js';

/**
 * The fence: statement triggers that refuse every write to the mapped tables. 40001 is what clients try again, and
 * trying again is right: the flag will have told them where by then.
 */
const FENCE_SQL = `
CREATE SCHEMA IF NOT EXISTS ferry;
CREATE OR REPLACE FUNCTION ferry.refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'schemaferry: writes to %.% are refused, the pipeline % moves it to the new project',
    TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE = '40001', HINT = 'Read the flag again and write to the project that serves.';
END $$;`;

/** Prepares what needs no lock, ahead of the pause. */
export async function prepareFence(source: ClientBase): Promise<void> {
  await source.query(FENCE_SQL);
}

/**
 * Raises the fence on all tables in one transaction. Each trigger takes a lock that waits for the writes in flight and
 * lets no other begin; a writer that waited meets the trigger.
 * @param waitMs for which a lock is waited at the most; then all are given up, so that writers never wait longer.
 * @throws FerryError `not-ready` when writers did not let go within `tries` attempts.
 */
export async function raiseFence(
  source: ClientBase,
  pipeline: string,
  tables: readonly QualifiedName[],
  { waitMs, tries, signal }: { waitMs: number; tries: number; signal: AbortSignal },
): Promise<void> {
  // One order for every coordinator, so that two never wait for each other.
  const ordered = tables.map(quoteName).sort();
  const trigger = triggerName(pipeline);
  const statements = ordered.flatMap((table) => [
    `CREATE OR REPLACE TRIGGER ${trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
       FOR EACH STATEMENT EXECUTE FUNCTION ferry.refuse_write(${quoteLiteral(pipeline)})`,
    `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${trigger}`,
  ]);
  const sql = ['BEGIN', `SET LOCAL lock_timeout = ${Math.max(1, Math.round(waitMs))}`, ...statements, 'COMMIT'].join(
    ';\n',
  );
  let last: unknown;
  for (let attempt = 0; attempt < tries && !signal.aborted; attempt++) {
    try {
      await source.query(sql);
      return;
    } catch (error) {
      await source.query('ROLLBACK').catch(() => {});
      if (!['55P03', '40P01'].includes((error as { code?: string }).code ?? '')) throw error;
      last = error;
    }
  }
  throw new FerryError(
    'not-ready',
    `writers on the source held their locks: the fence was given up after ${tries} attempts`,
    {
      remedy: 'Look for long transactions on the source (ferry check names them), then run the command again.',
      cause: last,
    },
  );
}

/**
 * Lifts the fence; lifting none is no error. Disabled rather than dropped: dropping would wait for readers, and while
 * it waits hold up everybody else.
 */
export async function liftFence(source: ClientBase, pipeline: string): Promise<void> {
  const trigger = triggerName(pipeline);
  const tables = await fencedTables(source, pipeline);
  if (tables.length === 0) return;
  const statements = tables.map((table) => `ALTER TABLE ${table} DISABLE TRIGGER ${trigger}`);
  await source.query(['BEGIN', ...statements, 'COMMIT'].join(';\n')).catch(async (error) => {
    await source.query('ROLLBACK').catch(() => {});
    throw error;
  });
}

/** Tables that are fenced now, quoted. */
export async function fencedTables(source: ClientBase, pipeline: string): Promise<string[]> {
  const { rows } = await source.query<{ name: string }>(
    `SELECT tgrelid::regclass::text AS name FROM pg_catalog.pg_trigger WHERE tgname = $1 AND NOT tgisinternal AND tgenabled <> 'D'`,
    [fenceName(pipeline)],
  );
  return rows.map((row) => row.name);
}

function fenceName(pipeline: string): string {
  return `${sourceObjectName(pipeline)}_fence`;
}

function triggerName(pipeline: string): string {
  return quoteIdentifier(fenceName(pipeline));
}
