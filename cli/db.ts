import { Command } from 'commander';
import { dbChecklistCommand } from './db-checklist.js';
import { dbDiffCommand } from './db-diff.js';
import { dbMigrateCommand } from './db-migrate.js';
import { dbNewCommand } from './db-new.js';
import { dbRepairCommand } from './db-repair.js';
import { dbRollbackCommand } from './db-rollback.js';
import { dbHistoryCommand, dbStatusCommand } from './db-status.js';
import { dbTestCommand } from './db-test.js';

const EXAMPLE = `
Examples:
  $ export DATABASE_URL=postgres://...
  $ ferry db new "add collaboration" --version 0.8.0
  $ ferry db checklist
  $ ferry db migrate --dry-run
  $ ferry db migrate
  $ ferry db test
  $ ferry db rollback 0.8.0

Exit code: 0 done, 1 failed, 2 usage or a file that cannot run, 3 refused, not up to date, or something does not hold.`;

/** `ferry db ...`: migrations of any PostgreSQL database; needs no pipeline. */
export function dbCommand(): Command {
  const command = new Command('db')
    .description('versioned migrations of a database, with snapshots, smoke tests and rollback')
    .addHelpText('after', EXAMPLE);
  const children = [
    dbNewCommand(),
    dbChecklistCommand(),
    dbMigrateCommand(),
    dbStatusCommand(),
    dbHistoryCommand(),
    dbTestCommand(),
    dbRollbackCommand(),
    dbDiffCommand(),
    dbRepairCommand(),
  ];
  return children.reduce((parent, child) => parent.addCommand(child), command);
}
