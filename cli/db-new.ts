import type { Command } from 'commander';
import { newSet } from '../services/migrate/new-set.js';
import { chosenLayout, type FolderFlags, folderCommand } from './db-target.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Example:
  $ ferry db new "add collaboration" --version 0.8.0

Writes migrations/YYYYMMDDHHmmss_v0_8_0_add_collaboration.sql, rollback/YYYYMMDDHHmmss_rollback.sql and
tests/v0.8.0_smoke_test.sql; never over a file that is there. Where migrations are numbered, the next number is taken.`;

interface NewFlags extends FolderFlags {
  readonly version?: string;
}

export function dbNewCommand(): Command {
  return folderCommand('new', 'write an empty migration, its rollback and its smoke test')
    .argument('<name>', 'what it does')
    .option('--version <release>', 'the release it belongs to, such as 0.8.0')
    .option('--json', 'print one JSON object: ok, version, files')
    .addHelpText('after', EXAMPLE)
    .action(async (name: string, flags: NewFlags) => {
      const made = await newSet(chosenLayout(flags), { name, release: flags.version, now: new Date() });
      if (flags.json) printJson({ ok: true, ...made });
      else for (const file of made.files) printLine(file);
    });
}
