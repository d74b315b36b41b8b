import type pg from 'pg';
import { toFerryError } from '../../../core/errors.js';
import { readHistory } from '../adapters/history.js';
import { readInventory } from '../adapters/read-inventory.js';
import { runScript } from '../adapters/run-script.js';
import { compareVersions } from '../file-name.js';
import { compareSchemas, type SchemaChange, type SchemaObject } from '../inventory.js';
import type { Layout } from '../layout.js';
import { refuseProblems, unknownVersion } from '../migrate.js';
import { findMigration, type Migration, type MigrationSet } from '../migration-set.js';
import { type Plan, planMigrations } from '../plan.js';
import { resetSession } from '../run-migration.js';
import { readScript, type Script } from '../script.js';
import { readSnapshot, type Snapshots, snapshotName } from '../snapshots.js';
import { refuseOtherContents } from './contents.js';
import { readUndoing, type UndoingScript } from './read-undoing.js';
import { restoreText } from './restore-text.js';

/** What runs in one transaction, or without one, and the migrations that are not applied any more behind it. */
export interface Undoing extends UndoingScript {
  readonly migrations: readonly Migration[];
  /** Throws when the schema, before the transaction ends, is not what it should be. */
  readonly verify?: (objects: readonly SchemaObject[]) => void;
}

export interface RollbackPlan {
  /** Newest first: the one that was named comes last. */
  readonly undoing: readonly Undoing[];
  /** The snapshot that the schema should be like then. */
  readonly snapshot: string;
  /** What the scripts do to the schema, found by a run that was rolled back. */
  readonly changes: readonly SchemaChange[];
}

/**
 * Finds what a rollback of a migration, and of all that came after it, would do; changes nothing.
 * @throws FerryError `usage` when it is not applied, `migrations-refused` when a script is missing or has marks for review.
 */
export async function planRollback(
  session: pg.Client,
  set: MigrationSet,
  { layout, name, lockTimeoutMs }: { readonly layout: Layout; readonly name: string; readonly lockTimeoutMs: number },
): Promise<RollbackPlan> {
  const { applied, problems } = planMigrations(set, await readHistory(session));
  const first = findFirst(applied, name);
  if (first < 0) throw unknownVersion(name, applied);
  refuseUnknownState(applied[first]!, problems);
  const chosen = applied.slice(first).toReversed();
  const undoing = await Promise.all(
    chosen.map(async (migration) => ({ migrations: [migration], ...(await readUndoing(layout, migration)) })),
  );
  const snapshot = snapshotName(applied[first]!, 'before');
  return { undoing, snapshot, changes: await tryOut(session, undoing, lockTimeoutMs) };
}

/** What came after it must be undone first, and nobody knows how where its file is gone or it was interrupted. */
function refuseUnknownState(first: Migration, problems: Plan['problems']): void {
  const isAbove = (version = '0') => compareVersions(version, first.version) > 0;
  refuseProblems({
    problems: problems.filter(
      ({ kind, version }) => kind === 'interrupted' || (kind === 'missing' && isAbove(version)),
    ),
  });
}

export interface RestoreOptions {
  readonly layout: Layout;
  readonly snapshots: Snapshots;
  /** Of a file in schemas/. */
  readonly snapshot: string;
  readonly lockTimeoutMs: number;
}

/**
 * Finds what it takes to get the schema of a snapshot back, whatever was run since; changes nothing. A snapshot's name says
 * which migrations it has; of a backup's nobody knows, so the history stays as it is.
 * @throws FerryError `usage` when there is no such snapshot, `migrations-refused` about what cannot be had back so.
 */
export async function planRestore(
  session: pg.Client,
  set: MigrationSet,
  { layout, snapshots, snapshot, lockTimeoutMs }: RestoreOptions,
): Promise<RollbackPlan> {
  const [live, wanted] = [await snapshots.read(), await readSnapshot(layout, snapshot)];
  const script = await readScript(`the way back to ${snapshot}`, await restoreText(live, wanted));
  const { applied } = planMigrations(set, await readHistory(session));
  const taken = /^(?:v[\d.]+_)?(\d+)(_after)?(?:\.sql)?$/.exec(snapshot);
  const migrations = taken ? behind(applied, taken[1]!, taken[2] !== undefined).toReversed() : [];
  const now = await readInventory(session);
  const verify = (objects: readonly SchemaObject[]) =>
    refuseOtherContents({ dump: wanted, objects, name: snapshot }, { dump: live, objects: now });
  const undoing = [{ script, isTransactional: true, migrations, verify }];
  return { undoing, snapshot, changes: await tryOut(session, undoing, lockTimeoutMs) };
}

/** Those that were run since a snapshot was taken before, or after, one of them, which may be gone. */
function behind(applied: readonly Migration[], taken: string, isAfter: boolean): readonly Migration[] {
  const at = applied.findIndex(({ version }) => version === taken);
  if (at >= 0) return applied.slice(isAfter ? at + 1 : at);
  return applied.filter(({ version }) => compareVersions(version, taken) > 0);
}

/** Of a release the first: all of it is undone. */
function findFirst(applied: readonly Migration[], name: string): number {
  const last = applied[findMigration(applied, name)];
  if (!last || last.version === name || last.file === name) return last ? applied.indexOf(last) : -1;
  return applied.findIndex(({ release }) => release === last.release);
}

async function tryOut(session: pg.Client, undoing: readonly Undoing[], lockTimeoutMs: number): Promise<SchemaChange[]> {
  const before = await readInventory(session);
  await session.query('BEGIN');
  try {
    for (const one of undoing) {
      if (one.isTransactional) await runIn(session, one, lockTimeoutMs);
      else await tryEach(session, one.script, lockTimeoutMs);
    }
    return compareSchemas(before, await readInventory(session));
  } finally {
    await session.query('ROLLBACK').catch(() => {});
  }
}

/** Runs a script in the session's transaction, and looks at what it made of the schema. */
export async function runIn(session: pg.Client, { script, verify }: Undoing, lockTimeoutMs: number): Promise<void> {
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL row_security = on`);
  await runScript(session, script);
  await resetSession(session);
  verify?.(await readInventory(session));
}

/**
 * Tries a script that runs without a transaction in one: what cannot be tried so, and what fails because of that, is left
 * out. Rows are lost by none of these.
 */
async function tryEach(session: pg.Client, script: Script, lockTimeoutMs: number): Promise<void> {
  let isWhole = true;
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL row_security = on`);
  for (const part of script.parts) {
    await session.query('SAVEPOINT ferry_try');
    try {
      await runScript(session, { ...script, parts: [part] });
    } catch (error) {
      const { sqlstate } = toFerryError(error).details;
      if (isWhole && sqlstate !== IN_A_TRANSACTION) throw error;
      isWhole = false;
      await session.query('ROLLBACK TO SAVEPOINT ferry_try');
    }
  }
  await resetSession(session);
}

/** active_sql_transaction: CREATE INDEX CONCURRENTLY and its like. */
const IN_A_TRANSACTION = '25001';
