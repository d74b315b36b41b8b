import type { Command } from 'commander';
import { readEvents, readHistory } from '../services/migrate/adapters/history.js';
import type { Migration } from '../services/migrate/migration-set.js';
import { planMigrations } from '../services/migrate/plan.js';
import { findUnfinished } from '../services/migrate/unfinished.js';
import { type DatabaseFlags, databaseCommand, databaseUrl, withDatabase, withMigrations } from './db-target.js';
import { printJson, printLine, printTable } from './output.js';
import { parseWholeNumber } from './whole-number.js';

const STATUS_EXAMPLE = `
Example:
  $ ferry db status --url postgres://ferry@db.example/shop

Changes nothing. Exit code: 0 up to date, 3 migrations are pending, or files and history do not fit.`;

const HISTORY_EXAMPLE = `
Example:
  $ ferry db history --limit 20`;

export function dbStatusCommand(): Command {
  return databaseCommand('status', 'what is applied, what is pending, and what does not fit')
    .option('--json', 'print one JSON object: ok, applied, pending, problems, unfinished')
    .addHelpText('after', STATUS_EXAMPLE)
    .action(runStatus);
}

async function runStatus(flags: DatabaseFlags): Promise<void> {
  const { set, plan, unfinished } = await withMigrations('status', flags, async (session, folder) => {
    const plan = planMigrations(folder.set, await readHistory(session));
    return { set: folder.set, plan, unfinished: findUnfinished(folder.layout, plan)?.file ?? null };
  });
  const { applied, pending, problems } = plan;
  const ok = pending.length === 0 && problems.length === 0 && unfinished === null;
  if (!ok) process.exitCode = 3;
  if (flags.json) {
    return printJson({ ok, applied: applied.map(fileOf), pending: pending.map(fileOf), problems, unfinished });
  }
  printTable(
    ['version', 'release', 'state', 'description'],
    set.migrations.map((one) => [
      one.version,
      one.release ?? '',
      applied.includes(one) ? 'applied' : one.isAfterCopy ? 'pending, after the copy' : 'pending',
      one.description,
    ]),
    { wrap: 3 },
  );
  for (const { message, remedy } of problems) printLine(`- ${message}\n  next: ${remedy}`);
  if (unfinished !== null) {
    printLine(
      `- ${unfinished} is applied, and its process ended before the snapshot was written\n  next: ferry db migrate`,
    );
  }
}

function fileOf({ version, file, release, isAfterCopy }: Migration): object {
  return { version, file, release, ...(isAfterCopy ? { afterCopy: true } : {}) };
}

interface HistoryFlags extends DatabaseFlags {
  readonly limit: number;
}

export function dbHistoryCommand(): Command {
  return databaseCommand('history', 'what was run, by whom, when, and how it ended; newest first')
    .option('--limit <n>', 'how many events', parseWholeNumber, 50)
    .option('--json', 'print one JSON object: ok, events')
    .addHelpText('after', HISTORY_EXAMPLE)
    .action(runHistory);
}

async function runHistory(flags: HistoryFlags): Promise<void> {
  const events = await withDatabase('history', await databaseUrl(flags), (session) => readEvents(session, flags.limit));
  if (flags.json) return printJson({ ok: true, events });
  printTable(
    ['at', 'event', 'file', 'ms', 'environment', 'by', 'detail'],
    events.map((one) => [
      one.at,
      one.event,
      one.file,
      String(one.durationMs ?? ''),
      one.environment,
      one.operator,
      one.detail ?? '',
    ]),
    { wrap: 6 },
  );
}
