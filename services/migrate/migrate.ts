import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import { ensureHistory, readHistory } from './adapters/history.js';
import { findMigration, type Migration, type MigrationSet } from './migration-set.js';
import { beforeCopy, type Plan, planMigrations } from './plan.js';
import { type ReadyMigration, type RunOptions, type RunReport, readyMigration, runMigration } from './run-migration.js';
import { readScript } from './script.js';

/** Which of the pending ones are run; default: all. */
export interface Choice {
  /** Version, file or release of the last one. */
  readonly to?: string;
  /** Only those that do not wait for a pipeline's cutover. */
  readonly beforeCopy?: boolean;
}

export interface MigrateOptions extends Choice, Omit<RunOptions, 'onStatement' | 'onRetry'> {
  readonly progress?: Progress;
  readonly around?: Around;
}

/** What is done beside each migration, outside of its transaction. */
export interface Around {
  /** What it throws keeps the migration from running. */
  before(ready: ReadyMigration): Promise<void>;
  /** @returns false when those behind it shall not run. */
  after(ready: ReadyMigration, report: RunReport): Promise<boolean>;
  failed(ready: ReadyMigration): Promise<void>;
}

/** Told while it goes on. */
export interface Progress {
  readonly begins?: (migration: Migration) => void;
  readonly statement?: (migration: Migration, done: number, total: number) => void;
  readonly again?: (migration: Migration, why: string) => void;
  readonly ended?: (migration: Migration, report: RunReport) => void;
}

export interface AppliedMigration extends RunReport {
  readonly version: string;
  readonly file: string;
}

/**
 * Runs what has not been run, in order, and stops at the first that fails. To be called under the migration lock.
 * @throws FerryError `migrations-refused` before anything is run, `config-invalid` likewise, `migration-failed`.
 */
export async function migrate(
  session: pg.Client,
  set: MigrationSet,
  options: MigrateOptions,
): Promise<AppliedMigration[]> {
  await ensureHistory(session);
  const ready = await readyMigrations(session, set, options);
  const { progress, around } = options;
  const applied: AppliedMigration[] = [];
  for (const one of ready) {
    const { migration } = one;
    progress?.begins?.(migration);
    await around?.before(one);
    const report = await runOne(session, one, options);
    progress?.ended?.(migration, report);
    applied.push({ version: migration.version, file: migration.file, ...report });
    if ((await around?.after(one, report)) === false) break;
  }
  return applied;
}

async function runOne(session: pg.Client, ready: ReadyMigration, options: MigrateOptions): Promise<RunReport> {
  const { migration } = ready;
  const { progress, around } = options;
  try {
    return await runMigration(session, ready, {
      ...options,
      onStatement: (done, total) => progress?.statement?.(migration, done, total),
      onRetry: (why) => progress?.again?.(migration, why),
    });
  } catch (error) {
    // What the migration failed of is what matters.
    await around?.failed(ready).catch(() => {});
    throw error;
  }
}

/**
 * What would run, read to its end: a syntax error in the last file is found before the first one runs.
 * @throws FerryError `migrations-refused`, `config-invalid`, `usage`.
 */
export async function readyMigrations(
  session: pg.Client,
  set: MigrationSet,
  choice: Choice,
): Promise<ReadyMigration[]> {
  const plan = planMigrations(set, await readHistory(session));
  refuseProblems(plan);
  const pending = chosenOf(plan, set, choice);
  return Promise.all(
    pending.map(async (migration) => readyMigration(migration, await readScript(migration.file, migration.text))),
  );
}

/** @throws FerryError `migrations-refused` with all of them. */
export function refuseProblems({ problems }: Pick<Plan, 'problems'>): void {
  const [first, ...others] = problems;
  if (!first) return;
  const more = others.map(({ message, remedy }) => `\n  ${message}\n    next: ${remedy}`).join('');
  throw new FerryError('migrations-refused', first.message, { remedy: `${first.remedy}${more}` });
}

/** @throws FerryError `usage` when there is no such migration. */
export function chosenOf(
  plan: Pick<Plan, 'pending'>,
  { migrations }: MigrationSet,
  choice: Choice,
): readonly Migration[] {
  const { to } = choice;
  const pending = choice.beforeCopy ? beforeCopy(plan.pending) : plan.pending;
  if (to === undefined) return pending;
  const last = findMigration(migrations, to);
  if (last < 0) throw unknownVersion(to, migrations);
  return pending.filter((one) => migrations.indexOf(one) <= last);
}

export function unknownVersion(name: string, migrations: readonly Migration[]): FerryError {
  const known = migrations.map(({ version, release }) => (release ? `${version} (${release})` : version));
  return new FerryError('usage', `there is no migration ${name}`, {
    remedy: `Name a version or a release: ${known.join(', ') || 'there are none'}.`,
  });
}
