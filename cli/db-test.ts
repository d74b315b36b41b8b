import type { Command } from 'commander';
import { FerryError } from '../core/errors.js';
import { readHistory } from '../services/migrate/adapters/history.js';
import { parseRelease } from '../services/migrate/file-name.js';
import { planMigrations } from '../services/migrate/plan.js';
import { runSmokeTest, type TestReport } from '../services/migrate/smoke-test.js';
import { type DatabaseFlags, databaseCommand, withMigrations } from './db-target.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Examples:
  $ ferry db test              # of the release that was applied last
  $ ferry db test v0.7.0

Runs tests/v0.7.0_smoke_test.sql, each statement by itself, and rolls all back. A statement that fails is an assertion that does
not hold, and so is a column of type boolean that is not true. Lines of their own say what the schema has as a whole:
  -- ferry: expect tables=30 policies=16 functions=4 indexes>=80 in public, growth
  -- ferry: expect function growth.rank
  -- ferry: expect size<=10GB
Exit code: 0 all hold, 2 there is no such test, or it cannot be read, 3 some do not hold.`;

export function dbTestCommand(): Command {
  return databaseCommand('test', "run a release's smoke test")
    .argument('[release]', 'such as 0.7.0')
    .option('--json', 'print one JSON object: ok, file, assertions')
    .addHelpText('after', EXAMPLE)
    .action(runTest);
}

async function runTest(asked: string | undefined, flags: DatabaseFlags): Promise<void> {
  const given = asked === undefined ? undefined : parseRelease(asked);
  if (asked !== undefined && given === undefined)
    throw new FerryError('usage', `${asked} is not a release such as 0.7.0`);
  const report = await withMigrations('test', flags, async (session, { layout, set }) => {
    const { applied } = planMigrations(set, await readHistory(session));
    const release = given ?? applied.findLast((one) => one.release !== undefined)?.release;
    if (release === undefined)
      throw new FerryError('usage', 'which release?', { remedy: 'Name it: ferry db test 0.7.0' });
    return runSmokeTest(session, layout, release);
  });
  if (!report.ok) process.exitCode = 3;
  if (flags.json) printJson(report);
  else printTest(report);
}

export function printTest({ file, assertions }: TestReport): void {
  for (const { ok, name, line, message } of assertions) {
    const place = line === undefined ? '' : ` (line ${line})`;
    printLine(`${ok ? 'ok  ' : 'FAIL'} ${name}${place}${message === undefined ? '' : `: ${message}`}`);
  }
  const failed = assertions.filter(({ ok }) => !ok).length;
  printLine(`${file}: ${assertions.length - failed} hold, ${failed} do not`);
}
