import type pg from 'pg';
import { ensureHistory, forgetApplied, type Operator, recordEvent, recordProgress } from '../adapters/history.js';
import { compareDumps, type DumpChange } from '../dump.js';
import type { SchemaChange } from '../inventory.js';
import type { Layout } from '../layout.js';
import type { Migration } from '../migration-set.js';
import { entryOf, updateRecord } from '../record-file.js';
import { noticeLostClient, runOneByOne } from '../run-migration.js';
import { hasSnapshot, readSnapshot, type Snapshots } from '../snapshots.js';
import { type RollbackPlan, runIn, type Undoing } from './plan-rollback.js';

/** Tables that lose rows, or a column of them. */
export function tablesThatLose(changes: readonly SchemaChange[]): string[] {
  const removed = changes.filter(({ change }) => change === 'removed');
  const tables = removed.filter(({ kind }) => kind === 'table').map(({ name }) => name);
  const columns = removed.filter(({ kind }) => kind === 'column').map(({ name }) => tableOf(name));
  return [...new Set([...tables, ...columns])].sort();
}

/** `schema.table.column`, each quoted where it has to be. */
function tableOf(column: string): string {
  return /^((?:"(?:[^"]|"")*"|[^".]+)\.(?:"(?:[^"]|"")*"|[^".]+))\./.exec(column)![1]!;
}

export interface RollbackReport {
  readonly undone: readonly { readonly version: string; readonly file: string }[];
  /** Files that hold what was given up. */
  readonly backups: readonly string[];
  /** Against the snapshot before the first one undone; undefined where there is none. */
  readonly differences: readonly DumpChange[] | undefined;
}

export interface RollbackOptions {
  readonly layout: Layout;
  readonly snapshots: Snapshots | undefined;
  readonly operator: Operator;
  readonly lockTimeoutMs: number;
  readonly now: Date;
  readonly onUndone?: (migration: Migration) => void;
}

/**
 * Backs up what is there, undoes, and compares with the snapshot. Each script runs in a transaction with its history,
 * unless it says that it runs without one.
 * @throws FerryError `migration-failed`, or `migrations-refused` when it leads elsewhere; what was undone by then stays undone, and the history says so.
 */
export async function rollBack(
  session: pg.Client,
  { undoing, snapshot, changes }: RollbackPlan,
  options: RollbackOptions,
): Promise<RollbackReport> {
  const { layout, snapshots, operator } = options;
  await ensureHistory(session);
  const backups = (await snapshots?.backUp(backupName(options.now), tablesThatLose(changes))) ?? [];
  for (const one of undoing) {
    await undoOne(session, one, options);
    for (const migration of one.migrations) {
      await updateRecord(layout, entryOf(migration, operator, 'Rolled back'));
      options.onUndone?.(migration);
    }
  }
  const undone = undoing.flatMap(({ migrations }) => migrations.map(({ version, file }) => ({ version, file })));
  const before = hasSnapshot(layout, snapshot) ? await readSnapshot(layout, snapshot) : undefined;
  const differences = snapshots && before !== undefined ? compareDumps(before, await snapshots.read()) : undefined;
  return { undone, backups, differences };
}

export function backupName(now: Date): string {
  return `backup_${now.toISOString().replaceAll(/\D/g, '').slice(0, 14)}`;
}

async function undoOne(session: pg.Client, undoing: Undoing, options: RollbackOptions): Promise<void> {
  const startedAt = performance.now();
  const durationMs = () => Math.round(performance.now() - startedAt);
  await noticeLostClient(session);
  if (!undoing.isTransactional) await undoOneByOne(session, undoing, options);
  await session.query('BEGIN');
  try {
    if (undoing.isTransactional) await runIn(session, undoing, options.lockTimeoutMs);
    for (const migration of undoing.migrations) {
      await forgetApplied(session, migration.version);
      await recordEvent(session, options.operator, { kind: 'rolled-back', migration, durationMs: durationMs() });
    }
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** The history says how far it came: from the first statement on neither the old state is there nor the new one. */
async function undoOneByOne(
  session: pg.Client,
  { script, migrations }: Undoing,
  { operator }: RollbackOptions,
): Promise<void> {
  const migration = { ...migrations[0]!, isTransactional: false };
  const id = await recordEvent(session, operator, { kind: 'rolling-back', migration });
  let done = 0;
  try {
    await runOneByOne(session, script, async (count) => {
      done = count;
      await recordProgress(session, id, count);
    });
  } catch (error) {
    const detail = (error as Error).message;
    if (done === 0) await recordEvent(session, operator, { kind: 'failed', migration, detail }).catch(() => {});
    throw error;
  }
}
