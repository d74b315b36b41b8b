import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { ClientBase } from 'pg';
import { POLICY, toFerryError } from '../core/errors.js';
import { openLog } from '../platform/event-log/open.js';
import type { EventLog } from '../platform/event-log/port.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { connect } from '../platform/postgres.js';
import type { Lag } from '../services/control/status/lag.js';
import type { PipelineStatus, ServiceStatus, TableStatus } from '../services/control/status/pipeline-status.js';
import { readStatus, type StatusSources } from '../services/control/status/read-status.js';
import { printJson, printLine, printTable } from './output.js';

const EXAMPLE = `
Example:
  $ ferry status -c config/mine --watch

Exit code: 0 read, 1 when a side cannot be read (what is known is shown), 2 configuration, 3 while dead letters stand.`;

interface StatusFlags {
  readonly config: string;
  readonly watch?: true;
  readonly json?: true;
}

const WATCH_INTERVAL_MS = 1_000;

export function statusCommand(): Command {
  return new Command('status')
    .description('phase, snapshot progress, lag by stage, rates, errors, the flag and what to do next')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--watch', 'show it again each second, until Ctrl-C')
    .option('--json', 'print one JSON object a reading')
    .addHelpText('after', EXAMPLE)
    .action(runStatus);
}

async function runStatus(flags: StatusFlags): Promise<void> {
  const pipeline = await loadPipeline(flags.config);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  do {
    const status = await readOnce(pipeline);
    const shown = {
      ...status,
      nextSteps: status.nextSteps.map((step) => step.replaceAll(pipeline.directory, flags.config)),
    };
    if (flags.json) printJson(shown);
    else printStatus(shown, flags.watch === true);
    process.exitCode = exitCode(status);
    if (flags.watch) await sleep(WATCH_INTERVAL_MS, undefined, { signal: stop.signal }).catch(() => {});
  } while (flags.watch && !stop.signal.aborted);
}

function exitCode({ errors, lag, ledger }: PipelineStatus): number {
  if (errors.length > 0 && lag.bytes === null) return 1;
  return (ledger?.deadLettered ?? 0) > 0 ? POLICY['not-ready'].exit : 0;
}

/** One reading, with sessions of its own: a side that is down is named, and the rest is shown. */
export async function readOnce(pipeline: LoadedPipeline): Promise<PipelineStatus> {
  const settings = { statement_timeout: '15s' };
  const [log, source, target] = await Promise.all([
    attempt<EventLog>(openLog(pipeline, `ferry-${pipeline.name}-status`, silentLogger)),
    attempt<ClientBase>(connect('source', pipeline.source.url, { applicationName: 'ferry status', settings })),
    attempt<ClientBase>(connect('target', pipeline.target.url, { applicationName: 'ferry status', settings })),
  ]);
  const sources: StatusSources = { log, source, target };
  try {
    return await readStatus(pipeline, sources);
  } finally {
    await close(sources);
  }
}

function attempt<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((error: unknown) => toFerryError(error));
}

async function close({ log, source, target }: StatusSources): Promise<void> {
  for (const side of [source, target]) if (!(side instanceof Error)) await (side as { end?(): Promise<void> }).end?.();
  if (!(log instanceof Error)) await log[Symbol.asyncDispose]();
}

function printStatus(status: PipelineStatus, clear: boolean): void {
  if (clear) process.stdout.write('\u001B[2J\u001B[H');
  printLine(`${status.pipeline}  phase ${status.phase}  serving ${status.serving ?? 'unknown'}  ${status.at}`);
  if (status.rolloutPercent) printLine(`rollout: ${status.rolloutPercent} % of the users read from the new project`);
  printTable(
    ['stage', 'lag', 'age'],
    [
      ['captured', ...lagCells(status.lag.captured)],
      ['transformed', ...lagCells(status.lag.transformed)],
      ['applied', ...lagCells(status.lag.applied)],
    ],
  );
  printTable(
    ['table', 'goes to', 'state', 'copied'],
    status.tables.map((table) => [table.source, table.target, table.state, copiedCell(table)]),
  );
  printTable(
    ['service', 'state', 'processes', 'changes/s', 'at'],
    status.services.map(({ service, state, instances, rate, http }) => [
      service,
      state,
      String(instances),
      rate === null ? 'unknown' : String(rate),
      http ?? '-',
    ]),
  );
  if (status.unmapped?.length) printLine(`not moved, in no mapping: ${status.unmapped.join(', ')}`);
  const { deadLettered } = status.ledger ?? { deadLettered: null };
  if (deadLettered) printLine(`dead letters: ${deadLettered} changes stand, of ${deadLetterTables(status)}`);
  printLine(`ledger: ${status.ledger ? (status.ledger.addsUp ? 'adds up' : 'changes are on their way') : 'unknown'}`);
  for (const error of status.errors) printLine(`error: ${error}`);
  for (const line of status.services.flatMap(waits)) printLine(`waits: ${line}`);
  for (const step of status.nextSteps) printLine(`next: ${step}`);
}

function deadLetterTables({ ledger }: PipelineStatus): string {
  return ledger!.tables
    .flatMap(({ table, deadLettered }) => (deadLettered ? [`${table} (${deadLettered})`] : []))
    .join(', ');
}

/** What stands still, since when, and when it is tried again. */
function waits({ service, state, error, parts }: ServiceStatus): string[] {
  const standing = parts ?? (error ? [{ part: '', state, error }] : []);
  return standing.map(({ part, state, error: { code, since, nextAttempt } }) => {
    const again = nextAttempt ? `, next attempt ${nextAttempt}` : '';
    return `${[service, part].filter(Boolean).join(' ')} ${state} since ${since}${again}: ${code}`;
  });
}

export function lagCells(lag: Lag): [string, string] {
  return [
    lag.bytes === null ? 'unknown' : formatBytes(lag.bytes),
    lag.seconds === null ? 'unknown' : `${lag.seconds} s`,
  ];
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const unit = bytes < 1024 ** 2 ? 1 : bytes < 1024 ** 3 ? 2 : 3;
  return `${(bytes / 1024 ** unit).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB'][unit]}`;
}

function copiedCell({ state, rows, estimate }: TableStatus): string {
  if (state === 'unknown' && rows === 0) return 'unknown';
  return estimate === null ? `${rows}` : `${rows} of about ${Math.max(rows, estimate)}`;
}
