import { type Command, Option } from 'commander';
import type pg from 'pg';
import { createLogger } from '../platform/logger.js';
import { withMigrationLock } from '../services/migrate/adapters/migration-lock.js';
import { type Deployment, deploy } from '../services/migrate/deploy.js';
import { type DryRunReport, dryRun } from '../services/migrate/dry-run.js';
import { type Choice, readyMigrations } from '../services/migrate/migrate.js';
import type { MigrationSet } from '../services/migrate/migration-set.js';
import { writeMetrics } from '../services/migrate/write-metrics.js';
import { printChanges } from './db-changes.js';
import { migrationProgress } from './db-progress.js';
import {
  type DatabaseFlags,
  databaseCommand,
  environmentOption,
  type Folder,
  type OperatorFlags,
  openSnapshots,
  operatorOf,
  type SnapshotFlags,
  snapshotOption,
  withMigrations,
} from './db-target.js';
import { printTest } from './db-test.js';
import { parseDuration } from './duration.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Examples:
  $ ferry db migrate --dry-run
  $ ferry db migrate --to 0.8.0 --environment staging

Each file runs in a transaction of its own, with its row in public.schema_migrations, and the first that fails ends it. Kept beside:
the schema before and after in schemas/, a script that undoes it in rollback/, docs/MIGRATIONS.md; then the smoke test of its release.
Exit code: 0 done, 1 failed, 2 usage or a file that cannot run, 3 refused: files and history do not fit, or another one migrates;
or applied with alerts: a migration took more than 30 s, or a smoke test does not hold.`;

interface MigrateFlags extends DatabaseFlags, OperatorFlags, SnapshotFlags {
  readonly to?: string;
  readonly dryRun?: true;
  readonly afterCopy?: true;
  readonly onTestFailure: 'keep' | 'rollback' | 'snapshot';
  readonly metrics?: string;
  readonly lockTimeout: number;
  readonly wait: number;
}

/** With the 250 ms to 4 s between them, these are a good minute of waiting for a lock. */
const LOCK_TRIES = 10;

export function dbMigrateCommand(): Command {
  return databaseCommand('migrate', 'run what has not been run, in order')
    .option('--to <version>', 'the last one to run: a version, a file, or a release')
    .option('--after-copy', "with -c: what waits for the pipeline's cutover, too")
    .option('--dry-run', 'run it, show locks and what changes, and roll back')
    .addOption(environmentOption())
    .addOption(snapshotOption())
    .addOption(
      new Option(
        '--on-test-failure <what>',
        'when a smoke test does not hold: keep, or undo what this run applied by its scripts, or by the snapshot before it',
      )
        .choices(['keep', 'rollback', 'snapshot'])
        .default('keep'),
    )
    .option('--metrics <file>', "write Prometheus' text there, for node_exporter's textfile collector")
    .option(
      '--lock-timeout <duration>',
      'how long a statement waits for a lock, then the file is tried again',
      parseDuration,
      5_000,
    )
    .option('--wait <duration>', 'how long to wait for another migration to end', parseDuration, 60_000)
    .option('--json', 'print one JSON object: ok, applied, finished, tests, alerts, undone; or ok, migrations')
    .addHelpText('after', EXAMPLE)
    .action(runMigrate);
}

async function runMigrate(flags: MigrateFlags): Promise<void> {
  await withMigrations('migrate', flags, (session, folder) =>
    withMigrationLock(session, { waitMs: flags.wait, onWait }, async () => {
      if (flags.dryRun) printDryRun(await tryOut(session, folder.set, flags), flags);
      else await migrateAll(session, folder, flags);
    }),
  );
}

const onWait = (holder: string): void => void process.stderr.write(`waiting for another migration: ${holder}\n`);

async function tryOut(session: pg.Client, set: MigrationSet, flags: MigrateFlags) {
  return dryRun(session, await readyMigrations(session, set, choiceOf(flags)), { lockTimeoutMs: flags.lockTimeout });
}

/** A pipeline's target waits with what would slow the copy down, unless somebody names it. */
function choiceOf({ to, config, afterCopy }: MigrateFlags): Choice {
  return { to, beforeCopy: config !== undefined && afterCopy === undefined && to === undefined };
}

async function migrateAll(session: pg.Client, { set, layout, url }: Folder, flags: MigrateFlags): Promise<void> {
  const deployment = await deploy(session, set, {
    ...choiceOf(flags),
    layout,
    snapshots: await openSnapshots(session, { layout, url }, flags),
    operator: operatorOf(flags, url),
    onTestFailure: flags.onTestFailure,
    lockTimeoutMs: flags.lockTimeout,
    lockTries: LOCK_TRIES,
    progress: migrationProgress(),
    now: () => new Date(),
  });
  if (flags.metrics !== undefined)
    await writeMetrics(session, set, { file: flags.metrics, deployment, now: new Date() });
  const logger = createLogger('db');
  for (const { kind, subject, message } of deployment.alerts) logger.warn({ kind, subject }, message);
  printDeployment(deployment, flags);
}

function printDeployment(deployment: Deployment, flags: MigrateFlags): void {
  const { applied, finished, tests, alerts, undone } = deployment;
  const ok = alerts.length === 0;
  if (!ok) process.exitCode = 3;
  if (flags.json) return printJson({ ok, ...deployment });
  if (finished !== null) printLine(`${finished}: applied before, and what was left out is written now`);
  for (const report of tests) printTest(report);
  for (const { subject, message } of alerts) printLine(`alert: ${subject}: ${message}`);
  if (undone.length > 0) printLine(`undone again: ${undone.join(', ')}`);
  else if (applied.length > 0) printLine(`${applied.length} applied`);
  else printLine('nothing to run: up to date');
}

function printDryRun(migrations: readonly DryRunReport[], flags: MigrateFlags): void {
  if (flags.json) return printJson({ ok: true, migrations });
  if (migrations.length === 0) printLine('nothing to run: up to date');
  for (const { file, wasTried, durationMs, locks, changes } of migrations) {
    printLine(`${file}  ${wasTried ? `${durationMs} ms, rolled back` : NOT_TRIED}`);
    for (const { relation, mode } of locks) printLine(`  lock  ${mode} on ${relation}`);
    printChanges(changes);
  }
}

const NOT_TRIED = 'not tried: it, or one before it, runs without a transaction';
