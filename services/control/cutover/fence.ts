import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { sourceObjectName } from '../../../core/topics.js';
import { isWayBack } from '../../../core/way-back.js';
import { failpoint } from '../../../platform/failpoint.js';
import { quoteName, type Side } from '../../../platform/postgres.js';
import { COMMAND, directionOf, NOUN } from './direction.js';
import {
  type FenceOwner,
  fenceLockKey,
  fenceName,
  functionSql,
  readFence,
  replaceFence,
  type StandingFence,
} from './fence-function.js';

/**
 * Puts the armed triggers on the tables, ahead of the pause: one table at a time, each lock waited for briefly and
 * tried again, so that no writer ever waits long or for two tables at once.
 * @throws FerryError `not-ready` naming a table that writers do not let go of.
 */
export async function armFence(
  source: ClientBase,
  owner: FenceOwner,
  tables: readonly QualifiedName[],
  signal: AbortSignal,
): Promise<void> {
  await source.query('CREATE SCHEMA IF NOT EXISTS ferry');
  // The function before the triggers: whoever writes to a table after its lock was had goes by this one.
  await replaceFence(source, owner, { state: 'armed', when: () => true });
  for (const table of tables) {
    for (const one of await withPartitions(source, table)) await armTable(source, owner.pipeline, one, signal);
  }
}

/**
 * Arms each table in a transaction that is rolled back: what the source refuses is refused here.
 * @throws FerryError as {@link armFence} does.
 */
export async function rehearseFence(
  source: ClientBase,
  owner: FenceOwner,
  tables: readonly QualifiedName[],
  signal: AbortSignal,
): Promise<void> {
  for (const table of tables) {
    const sql = `BEGIN; SET LOCAL lock_timeout = '250ms'; CREATE SCHEMA IF NOT EXISTS ferry; ${functionSql(owner, 'armed')};
${triggerSql(owner.pipeline, table)}; ROLLBACK`;
    await withoutHolding(source, sql, { table, signal, side: fencedSide(owner.pipeline) });
  }
}

/**
 * A statement that names a partition fires the triggers of that alone, one that names the root those of the root alone.
 * @returns the table first.
 */
async function withPartitions(source: ClientBase, table: QualifiedName): Promise<QualifiedName[]> {
  const { rows } = await source.query<QualifiedName>(`${PARTITION_TREES} WHERE c.oid <> name::regclass`, [
    [quoteName(table)],
  ]);
  return [table, ...rows];
}

/** Tables, which need not be partitioned, and all below them. */
const PARTITION_TREES = `SELECT n.nspname AS schema, c.relname AS table
   FROM unnest($1::text[]) name
   CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(name)::oid AS oid
                       UNION SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(name))) t
   JOIN pg_catalog.pg_class c ON c.oid = t.oid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

function armTable(source: ClientBase, pipeline: string, table: QualifiedName, signal: AbortSignal): Promise<void> {
  return withoutHolding(source, `BEGIN; SET LOCAL lock_timeout = '250ms'; ${triggerSql(pipeline, table)}; COMMIT`, {
    table,
    signal,
    side: fencedSide(pipeline),
  });
}

/** Where a pipeline reads, by the names that the one of the move itself has for the two projects. */
function fencedSide(pipeline: string): Side {
  return isWayBack(pipeline) ? 'target' : 'source';
}

function triggerSql(pipeline: string, table: QualifiedName): string {
  const trigger = fenceName(pipeline);
  return `CREATE OR REPLACE TRIGGER ${trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${quoteName(table)}
  FOR EACH STATEMENT EXECUTE FUNCTION ferry.${trigger}();
ALTER TABLE ${quoteName(table)} ENABLE ALWAYS TRIGGER ${trigger}`;
}

/**
 * Runs what locks a table, again and again until it has the lock within its time.
 * @throws FerryError `not-ready` naming the table when it never has.
 */
export async function withoutHolding(
  source: ClientBase,
  sql: string,
  { table, signal, side }: { readonly table: QualifiedName; readonly signal: AbortSignal; readonly side: Side },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await source.query(sql);
      return;
    } catch (error) {
      await source.query('ROLLBACK').catch(() => {});
      if (!isLockRefused(error)) throw error;
      if (attempt < ARM_TRIES && !signal.aborted) continue;
      throw new FerryError('not-ready', `writers on the ${side} do not let go of ${displayName(table)}`, {
        remedy: lookForLong(side),
        cause: error,
      });
    }
  }
}

function lookForLong(side: Side): string {
  return `Look for long transactions on the ${side}${side === 'source' ? ' (ferry check names them)' : ''}, then run the command again.`;
}

const ARM_TRIES = 40;

/**
 * Returns when every writer that had begun is done; all others are refused by the armed fence as long as this session lives.
 * @param waitMs for the writers in flight, at the most.
 * @throws FerryError `not-ready` when they are not done by then.
 */
export async function lockFence(
  source: ClientBase,
  owner: Pick<FenceOwner, 'pipeline'>,
  waitMs: number,
): Promise<void> {
  await source.query(`SET lock_timeout = ${Math.max(1, Math.round(waitMs))}`);
  try {
    await source.query(`SELECT pg_catalog.pg_advisory_lock(${fenceLockKey(owner.pipeline)})`);
  } catch (error) {
    if (!isLockRefused(error)) throw error;
    const side = fencedSide(owner.pipeline);
    throw new FerryError('not-ready', `transactions that write on the ${side} were not done within ${waitMs} ms`, {
      remedy: lookForLong(side),
      cause: error,
    });
  } finally {
    await source.query('SET lock_timeout = 0').catch(() => {});
  }
}

/**
 * Raises the armed fence: returns when every writer that had begun is done and all others are refused, for good. Raised
 * already, it stays so.
 * @param waitMs for the writers in flight, at the most.
 * @throws FerryError `not-ready` when they are not done by then, or when the fence is not this attempt's any more.
 */
export async function raiseFence(source: ClientBase, owner: FenceOwner, waitMs: number): Promise<void> {
  await lockFence(source, owner, waitMs);
  await failpoint('cutover.fence.locked');
  // From here on the fence stands without this session; the lock is kept all the same, for a statement that has
  // found the armed function already and calls it only now.
  const isOurs = (standing: StandingFence | undefined) =>
    standing?.attempt === owner.attempt && standing.state !== 'open';
  if (await replaceFence(source, owner, { state: 'closed', when: isOurs })) return;
  throw notStanding(owner);
}

/**
 * Makes sure that the fence stands closed, by this attempt, on every table and partition that there is by now.
 * @throws FerryError `not-ready` naming a table that writers reach.
 */
export async function expectFence(
  source: ClientBase,
  owner: FenceOwner,
  tables: readonly QualifiedName[],
): Promise<void> {
  const standing = await readFence(source, owner.pipeline);
  if (standing?.state !== 'closed' || standing.attempt !== owner.attempt) throw notStanding(owner);
  const { rows } = await source.query<QualifiedName>(
    `${PARTITION_TREES} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g
       WHERE g.tgrelid = c.oid AND g.tgname = $2 AND g.tgenabled = 'A')`,
    [tables.map(quoteName), `${sourceObjectName(owner.pipeline)}_fence`],
  );
  if (!rows[0]) return;
  throw new FerryError('not-ready', `${displayName(rows[0])} has no fence: it came, or its trigger went, meanwhile`, {
    remedy: `Run \`${COMMAND[directionOf(owner.pipeline)]}\` again: it arms every table and partition that is there by then.`,
  });
}

function notStanding({ pipeline }: FenceOwner): FerryError {
  const direction = directionOf(pipeline);
  return new FerryError(
    'not-ready',
    `the fence of the pipeline ${pipeline} is not this ${NOUN[direction]}'s any more`,
    {
      remedy: `Another process has undone it. See \`ferry status\`, then run \`${COMMAND[direction]}\` again.`,
    },
  );
}

function isLockRefused(error: unknown): boolean {
  return ['55P03', '40P01'].includes((error as { code?: string }).code ?? '');
}
