import type { Command } from 'commander';
import { FerryError } from '../core/errors.js';
import { readHistory } from '../services/migrate/adapters/history.js';
import { compareDumps } from '../services/migrate/dump.js';
import type { MigrationSet } from '../services/migrate/migration-set.js';
import { type History, planMigrations } from '../services/migrate/plan.js';
import { readSnapshot, snapshotName } from '../services/migrate/snapshots.js';
import { printDumpChanges } from './db-changes.js';
import { type DatabaseFlags, databaseCommand, openSnapshots, withMigrations } from './db-target.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Examples:
  $ ferry db diff                                   # against the snapshot after the migration that was applied last
  $ ferry db diff v0.7.0_20251026211500_after

Changes nothing. Exit code: 0 no drift, 2 there is no such snapshot, 3 the schema differs.`;

export function dbDiffCommand(): Command {
  return databaseCommand('diff', 'what was changed beside the migrations: the schema against a snapshot')
    .argument('[snapshot]', 'its name in schemas/')
    .option('--json', 'print one JSON object: ok, snapshot, differences')
    .addHelpText('after', EXAMPLE)
    .action(runDiff);
}

async function runDiff(asked: string | undefined, flags: DatabaseFlags): Promise<void> {
  await withMigrations('diff', flags, async (session, folder) => {
    const name = asked ?? lastSnapshot(folder.set, await readHistory(session));
    const before = await readSnapshot(folder.layout, name);
    const snapshots = await openSnapshots(session, folder, { pgDump: true });
    const differences = compareDumps(before, await snapshots!.read());
    const ok = differences.length === 0;
    if (!ok) process.exitCode = 3;
    if (flags.json) printJson({ ok, snapshot: name, differences });
    else if (ok) printLine(`the schema is that of ${name}`);
    else printDumpChanges(differences, `the schema is not that of ${name}:`);
  });
}

function lastSnapshot(set: MigrationSet, history: History): string {
  const last = planMigrations(set, history).applied.at(-1);
  if (!last) throw new FerryError('usage', 'nothing is applied here', { remedy: 'Name a snapshot of schemas/.' });
  return snapshotName(last, 'after').replace(/\.sql$/, '');
}
