import type { Command } from 'commander';
import { FerryError } from '../core/errors.js';
import { withMigrationLock } from '../services/migrate/adapters/migration-lock.js';
import { repairHistory } from '../services/migrate/repair.js';
import {
  type DatabaseFlags,
  databaseCommand,
  environmentOption,
  type OperatorFlags,
  operatorOf,
  withMigrations,
} from './db-target.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Examples:
  $ ferry db repair 20251026211500 --applied --reason "its tables came with a dump"
  $ ferry db repair 003 --pending --reason "interrupted, undone by hand"

Changes the history alone, and the history says so. Exit code: 0 done, 2 usage, 3 a migration is running.`;

interface RepairFlags extends DatabaseFlags, OperatorFlags {
  readonly applied?: true;
  readonly pending?: true;
  readonly reason: string;
}

export function dbRepairCommand(): Command {
  return databaseCommand('repair', 'correct what the history says of a migration; runs nothing')
    .argument('<version>', 'a version, or a file')
    .option('--applied', 'its effect is there: it is not run, and its checksum is that of the file now')
    .option('--pending', 'its effect is not there: it is run by the next migrate, if its file is here')
    .requiredOption('--reason <text>', 'why, for the history')
    .addOption(environmentOption())
    .option('--json', 'print one JSON object: ok, version, state')
    .addHelpText('after', EXAMPLE)
    .action(runRepair);
}

async function runRepair(name: string, flags: RepairFlags): Promise<void> {
  if (flags.applied === flags.pending) throw new FerryError('usage', 'give either --applied or --pending');
  const state = flags.applied ? 'applied' : 'pending';
  const version = await withMigrations('repair', flags, (session, { set, url }) =>
    withMigrationLock(session, { waitMs: 0 }, () =>
      repairHistory(session, set, { name, state, reason: flags.reason, operator: operatorOf(flags, url) }),
    ),
  );
  if (flags.json) printJson({ ok: true, version, state });
  else printLine(`${version} counts as ${state}`);
}
