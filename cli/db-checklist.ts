import type { Command } from 'commander';
import { findDumper } from '../platform/pg-dump.js';
import { describeUrl } from '../platform/postgres.js';
import { readMajorVersion } from '../services/migrate/adapters/read-inventory.js';
import { type ChecklistItem, checklist } from '../services/migrate/checklist.js';
import {
  type DatabaseFlags,
  databaseCommand,
  environmentOption,
  type OperatorFlags,
  withMigrations,
} from './db-target.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Example:
  $ ferry db checklist --environment production

Changes nothing. Exit code: 0 all that can be looked at is done, 3 something is open.`;

interface ChecklistFlags extends DatabaseFlags, OperatorFlags {
  readonly to?: string;
}

export function dbChecklistCommand(): Command {
  return databaseCommand('checklist', 'what should be so before the pending migrations are run')
    .option('--to <version>', 'the last one to run: a version, a file, or a release')
    .addOption(environmentOption())
    .option('--json', 'print one JSON object: ok, items')
    .addHelpText('after', EXAMPLE)
    .action(runChecklist);
}

async function runChecklist(flags: ChecklistFlags): Promise<void> {
  const items = await withMigrations('checklist', flags, (session, { layout, set, url }) =>
    checklist(session, set, {
      layout,
      to: flags.to,
      environment: flags.environment ?? describeUrl(url),
      findDumper: async () => findDumper(url, await readMajorVersion(session)),
    }),
  );
  const ok = items.every(({ state }) => state !== 'open');
  if (!ok) process.exitCode = 3;
  if (flags.json) printJson({ ok, items });
  else for (const item of items) printLine(lineOf(item));
}

function lineOf({ name, state, detail }: ChecklistItem): string {
  const box = { done: '[x]', open: '[ ]', manual: '[?]' }[state];
  return `${box} ${name}${detail === undefined ? '' : `: ${detail}`}`;
}
