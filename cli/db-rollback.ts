import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type pg from 'pg';
import { FerryError } from '../core/errors.js';
import { readHistory } from '../services/migrate/adapters/history.js';
import { withMigrationLock } from '../services/migrate/adapters/migration-lock.js';
import { planMigrations } from '../services/migrate/plan.js';
import { listSnapshots, takenSnapshots } from '../services/migrate/snapshots.js';
import { planRestore, planRollback, type RollbackPlan } from '../services/migrate/undo/plan-rollback.js';
import { type RollbackReport, rollBack } from '../services/migrate/undo/roll-back.js';
import { printChanges, printDumpChanges } from './db-changes.js';
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
import { parseDuration } from './duration.js';
import { printJson, printLine, printTable } from './output.js';

const EXAMPLE = `
Examples:
  $ ferry db rollback                  # lists what can be undone
  $ ferry db rollback 20251027140000
  $ ferry db rollback 0.8.0 --yes
  $ ferry db rollback --snapshot v0.7.0_20251026211500_after

Undoes a migration and all that came after it, by the scripts in rollback/, newest first, each in a transaction. What is there is
backed up into schemas/ before, with the rows of tables that are dropped, and the result is compared with the snapshot.
Exit code: 0 done, 1 failed, 2 usage, 3 a script is missing or not reviewed, or the result is not the snapshot's.`;

interface RollbackFlags extends DatabaseFlags, OperatorFlags, SnapshotFlags {
  readonly lockTimeout: number;
  readonly yes?: true;
  readonly snapshot?: string;
}

export function dbRollbackCommand(): Command {
  return databaseCommand('rollback', 'undo a migration and those after it')
    .argument('[version]', 'a version, a file, or a release; without it, what there is is listed')
    .option('--snapshot <name>', 'get the schema of this snapshot in schemas/ back, whatever was run since')
    .option('--yes', 'do not ask')
    .option('--lock-timeout <duration>', 'how long a statement waits for a lock', parseDuration, 5_000)
    .addOption(environmentOption())
    .addOption(snapshotOption())
    .option('--json', 'print one JSON object: ok, undone, backups, differences; or ok, applied, snapshots')
    .addHelpText('after', EXAMPLE)
    .action(runRollback);
}

async function runRollback(name: string | undefined, flags: RollbackFlags): Promise<void> {
  await withMigrations('rollback', flags, async (session, folder) => {
    const { layout, set, url } = folder;
    const { snapshot, lockTimeout: lockTimeoutMs } = flags;
    const asked = name ?? snapshot;
    if (asked === undefined) return list(session, folder, flags);
    if (name !== undefined && snapshot !== undefined)
      throw new FerryError('usage', 'give a version or --snapshot, not both');
    const snapshots = await openSnapshots(session, folder, flags);
    const report = await withMigrationLock(session, { waitMs: 0 }, async () => {
      const plan = await (snapshot === undefined
        ? planRollback(session, set, { layout, name: asked, lockTimeoutMs })
        : planRestore(session, set, { layout, snapshots: takenSnapshots(snapshots), snapshot, lockTimeoutMs }));
      if (!flags.yes) await askFor(asked, plan);
      return rollBack(session, plan, {
        layout,
        snapshots,
        operator: operatorOf(flags, url),
        lockTimeoutMs,
        now: new Date(),
        onUndone: ({ file }) => void process.stderr.write(`undone: ${file}\n`),
      });
    });
    printReport(report, flags);
  });
}

async function list(session: pg.Client, { layout, set }: Folder, flags: RollbackFlags) {
  const { applied } = planMigrations(set, await readHistory(session));
  const snapshots = await listSnapshots(layout);
  const files = applied.map(({ version, file, release }) => ({ version, file, release }));
  if (flags.json) return printJson({ ok: true, applied: files, snapshots });
  printTable(
    ['version', 'release', 'file'],
    files.map(({ version, release, file }) => [version, release ?? '', file]).toReversed(),
  );
  for (const snapshot of snapshots) printLine(`snapshot ${snapshot}`);
}

/** @throws FerryError `usage` unless what was named is typed again. */
async function askFor(name: string, { undoing, changes }: RollbackPlan): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new FerryError('usage', 'rollback takes objects and rows away and must be confirmed', {
      remedy: 'Give --yes.',
    });
  }
  for (const { file } of undoing.flatMap(({ migrations }) => migrations)) process.stderr.write(`undoes ${file}\n`);
  printChanges(changes, (line) => void process.stderr.write(`${line}\n`));
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asked.question(`Type ${name} to go on: `);
  asked.close();
  if (answer.trim() !== name) throw new FerryError('usage', 'not confirmed: nothing was changed');
}

function printReport(report: RollbackReport, flags: RollbackFlags): void {
  const { undone, backups, differences } = report;
  const ok = differences === undefined || differences.length === 0;
  if (!ok) process.exitCode = 3;
  if (flags.json) return printJson({ ok, undone, backups, differences: differences ?? null });
  for (const file of backups) printLine(`kept in ${file}`);
  if (differences === undefined) printLine('undone; there is no snapshot to compare it with');
  else if (ok) printLine('undone: the schema is that of the snapshot');
  else printDumpChanges(differences, 'undone, and the schema is not that of the snapshot:');
}
