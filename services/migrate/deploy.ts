import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type pg from 'pg';
import { readHistory } from './adapters/history.js';
import { readInventory } from './adapters/read-inventory.js';
import { type Alert, findAlerts } from './alerts.js';
import { compareSchemas, type SchemaObject, summarize } from './inventory.js';
import { keep } from './kept-file.js';
import type { Layout } from './layout.js';
import { type AppliedMigration, type Around, type MigrateOptions, migrate } from './migrate.js';
import type { Migration, MigrationSet } from './migration-set.js';
import { planMigrations } from './plan.js';
import type { RecordEntry } from './record.js';
import { entryOf, rollbackFile, updateRecord } from './record-file.js';
import { type ReadyMigration, type RunReport, readyMigration } from './run-migration.js';
import { readScript } from './script.js';
import { hasTest, runSmokeTest, type TestReport } from './smoke-test.js';
import { readSnapshot, type Snapshots, snapshotName, takenSnapshots } from './snapshots.js';
import { planRestore, planRollback } from './undo/plan-rollback.js';
import { readReplaced } from './undo/replaced.js';
import { rollBack } from './undo/roll-back.js';
import { replacesSome, rollbackText } from './undo/write-rollback.js';
import { findUnfinished } from './unfinished.js';

export interface DeployOptions extends Omit<MigrateOptions, 'around'> {
  readonly layout: Layout;
  /** undefined: none are taken. */
  readonly snapshots: Snapshots | undefined;
  /** What follows when a smoke test does not hold: nothing, the scripts in rollback/, or the difference to the snapshot. */
  readonly onTestFailure: 'keep' | 'rollback' | 'snapshot';
  readonly now: () => Date;
}

export interface Deployment {
  readonly applied: readonly AppliedMigration[];
  /** The file of which an earlier run had left the snapshot after it out; null where there is none. */
  readonly finished: string | null;
  /** Smoke tests of the releases that are whole now. */
  readonly tests: readonly TestReport[];
  readonly alerts: readonly Alert[];
  /** Versions that were undone again because a test did not hold. */
  readonly undone: readonly string[];
}

/**
 * Migrates, with all that is kept beside: snapshots before and after each file, a script that undoes it where there is none,
 * docs/MIGRATIONS.md. Behind the last file of a release its smoke test runs; where it does not hold, nothing more does.
 * What a process that was killed has left out is done first. To be called under the migration lock.
 * @throws FerryError as {@link migrate}; the files of what was applied by then are complete. `usage` where the snapshot is
 *   chosen, and none are taken.
 */
export async function deploy(session: pg.Client, set: MigrationSet, options: DeployOptions): Promise<Deployment> {
  if (options.onTestFailure === 'snapshot') takenSnapshots(options.snapshots);
  const paper = new Paper(session, set, options);
  const { tests } = paper;
  const unfinished =
    options.snapshots && findUnfinished(options.layout, planMigrations(set, await readHistory(session)));
  const goesOn = !unfinished || (await paper.finish(unfinished));
  const applied = goesOn ? await migrate(session, set, { ...options, around: paper }) : [];
  const mustGo = options.onTestFailure !== 'keep' && applied.length > 0 && tests.some(({ ok }) => !ok);
  const undone = mustGo ? await undo(session, set, applied[0]!.version, options) : [];
  return { applied, finished: unfinished?.file ?? null, tests, alerts: findAlerts(applied, tests), undone };
}

async function undo(session: pg.Client, set: MigrationSet, first: string, options: DeployOptions): Promise<string[]> {
  const snapshot = () => snapshotName(set.migrations.find(({ version }) => version === first)!, 'before');
  const plan = await (options.onTestFailure === 'snapshot'
    ? planRestore(session, set, { ...options, snapshots: takenSnapshots(options.snapshots), snapshot: snapshot() })
    : planRollback(session, set, { ...options, name: first }));
  const { undone } = await rollBack(session, plan, { ...options, now: options.now() });
  return undone.map(({ version }) => version);
}

/** What is written beside each migration. */
class Paper implements Around {
  readonly #session: pg.Client;
  readonly #set: MigrationSet;
  readonly #options: DeployOptions;
  readonly tests: TestReport[] = [];
  #objects: Awaited<ReturnType<typeof readInventory>> = [];
  /** The dump before the migration that runs. */
  #before = '';

  constructor(session: pg.Client, set: MigrationSet, options: DeployOptions) {
    this.#session = session;
    this.#set = set;
    this.#options = options;
  }

  async before({ migration }: ReadyMigration): Promise<void> {
    this.#before = (await this.#options.snapshots?.before(migration)) ?? '';
    this.#objects = await readInventory(this.#session);
  }

  async after(ready: ReadyMigration, { durationMs }: RunReport): Promise<boolean> {
    const changes = compareSchemas(this.#objects, await readInventory(this.#session));
    const added = changes.filter(({ change }) => change === 'added');
    return this.#complete(ready, { durationMs, changes: summarize(changes) }, added);
  }

  /** What {@link after} would have done, had its process lived. @returns as it does. */
  async finish(migration: Migration): Promise<boolean> {
    this.#before = await readSnapshot(this.#options.layout, snapshotName(migration, 'before'));
    return this.#complete(readyMigration(migration, await readScript(migration.file, migration.text)), {});
  }

  /** The snapshot comes last: while it is missing, something is. */
  async #complete(
    ready: ReadyMigration,
    facts: Pick<RecordEntry, 'durationMs' | 'changes'>,
    added?: readonly SchemaObject[],
  ): Promise<boolean> {
    const { migration } = ready;
    const { layout, snapshots, operator } = this.#options;
    const now = await snapshots?.read();
    if (!(await hasRollback(layout, migration))) await this.#writeRollback(ready, now, added);
    await updateRecord(layout, {
      ...entryOf(migration, operator, 'Applied'),
      ...facts,
      snapshot: snapshots && `schemas/${snapshotName(migration, 'before')}`,
      rollback: `rollback/${basename(rollbackFile(layout, migration))}`,
    });
    if (now !== undefined) await snapshots!.after(migration, now);
    return this.#test(migration);
  }

  async #writeRollback(
    { migration, script }: ReadyMigration,
    now: string | undefined,
    added: readonly SchemaObject[] | undefined,
  ): Promise<void> {
    const before = now === undefined ? undefined : this.#before;
    const replaced = before !== undefined && replacesSome(script) ? await readReplaced(before, now!) : [];
    await keep(rollbackFile(this.#options.layout, migration), rollbackText(script, { added, before, replaced }));
  }

  /** @returns false when there is a test, and it does not hold. */
  async #test(migration: Migration): Promise<boolean> {
    const { layout, operator } = this.#options;
    const { release } = migration;
    const own = this.#set.migrations.filter((one) => one.release === release);
    if (release === undefined || own.at(-1) !== migration || !hasTest(layout, release)) return true;
    const report = await runSmokeTest(this.#session, layout, release);
    this.tests.push(report);
    const failed = report.assertions.filter(({ ok }) => !ok).length;
    const tested = `${basename(report.file)} ${report.ok ? 'passed' : `failed: ${failed} of ${report.assertions.length}`}`;
    await updateRecord(layout, { ...entryOf(migration, operator, 'Applied'), tested });
    return report.ok;
  }

  async failed({ migration }: ReadyMigration): Promise<void> {
    const { layout, operator } = this.#options;
    await updateRecord(layout, entryOf(migration, operator, 'Failed'));
  }
}

/** What `ferry db new` wrote has comments alone, and counts as none. */
async function hasRollback(layout: Layout, migration: Migration): Promise<boolean> {
  const file = rollbackFile(layout, migration);
  if (!existsSync(file)) return false;
  const text = await readFile(file, 'utf8');
  return text.split('\n').some((line) => line.trim() !== '' && !/^--(?! REVIEW)/.test(line));
}
