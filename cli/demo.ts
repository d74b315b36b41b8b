import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { FerryError, POLICY } from '../core/errors.js';
import { packageRoot } from '../platform/package-root.js';
import type { CutoverReport } from '../services/control/cutover/report.js';
import { applicationOf } from '../services/demo/applications.js';
import { MIN_ROWS } from '../services/demo/fixture.js';
import { type DemoResult, runScenario } from './demo/scenario.js';
import { DemoView } from './demo/view.js';
import { printJson, printLine, printTable } from './output.js';
import { parseWholeNumber } from './whole-number.js';

const EXAMPLE = `
Example:
  $ npx ferry demo
  $ npx ferry demo --roll-back
  $ npx ferry demo --rows 1000000 --brokers localhost:9092
  $ npx ferry demo --pipeline chief-of-staff --source-server postgres://... --target-server postgres://...

Two PostgreSQL servers, the event log, the four services and a writing application, all on this machine and for the
time of the demo only. chief-of-staff needs given servers, with pgvector: the demo's own have none.
Exit code: 0 moved and equal, 3 not equal, 2 usage, 1 failed.`;

interface DemoFlags {
  readonly rows: number;
  readonly rate: number;
  readonly pipeline: string;
  readonly brokers?: string;
  readonly sourceServer?: string;
  readonly targetServer?: string;
  readonly rollBack?: true;
  readonly keep?: true;
  readonly json?: true;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('move a live database from end to end, on servers of its own')
    .option('--rows <n>', 'rows of the old project, about', rowCount, 100_000)
    .option('--rate <n>', "the application's transactions a second", parseWholeNumber, 200)
    .option('--pipeline <name>', 'another ready pipeline of config/', 'growth-split')
    .option('--brokers <host:port,...>', 'run over Kafka instead of the embedded log')
    .option('--source-server <url>', 'a given server for the old project: a new database in it')
    .option('--target-server <url>', 'a given server for the new project: a new database in it')
    .option('--roll-back', 'then move the traffic back to the old project, with all that the new one took')
    .option('--keep', 'leave it up until Ctrl-C, with its way back armed where the pipeline has one')
    .option('--json', 'print one JSON object on the last line')
    .addHelpText('after', EXAMPLE)
    .action(runDemo);
}

const INTERRUPTED = new FerryError('not-ready', 'interrupted; everything that was started is stopped', {
  remedy: 'Run it again; it begins anew.',
});

async function runDemo(flags: DemoFlags): Promise<void> {
  const stop = new AbortController();
  let interrupted = false;
  const onSignal = () => {
    interrupted = true;
    stop.abort(INTERRUPTED);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const result = await runScenario(
      {
        config: join(packageRoot(), 'config', flags.pipeline),
        pipeline: flags.pipeline,
        application: applicationOf(flags.pipeline),
        rows: flags.rows,
        rate: flags.rate,
        brokers: flags.brokers,
        sourceServer: flags.sourceServer,
        targetServer: flags.targetServer,
        keep: flags.keep === true,
        rollBack: flags.rollBack === true,
        signal: stop.signal,
      },
      new DemoView(),
    );
    const moves = [result.cutover, ...(result.rollback ? [result.rollback] : [])];
    const ok = moves.every(isClean) && result.application.audit.ok;
    if (flags.json) printJson(toJson(result, ok));
    else printResult(result, ok);
    if (!ok) process.exitCode = POLICY.mismatch.exit;
  } catch (error) {
    if (!interrupted || (error instanceof FerryError && error.code !== 'not-ready')) throw error;
    const { code, message, remedy } = INTERRUPTED;
    process.stderr.write(`${message}\n`);
    if (flags.json) printJson({ ok: false, error: { code, message, remedy } });
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function isClean({ ok, tables }: CutoverReport): boolean {
  return ok && tables.every(({ equal }) => equal);
}

function toJson(result: DemoResult, ok: boolean): object {
  const { snapshot, cutover, rollback, application, status } = result;
  return {
    ok,
    tables: cutover.tables.map(({ source, target, rows, checksum, equal }) => ({
      source,
      target,
      rows,
      checksum,
      equal,
    })),
    writePauseMs: cutover.writePauseMs,
    applicationPauseMs: application.pauseMsInto.target,
    ...(rollback
      ? { rollback: { writePauseMs: rollback.writePauseMs, applicationPauseMs: application.pauseMsInto.source } }
      : {}),
    rates: { snapshotRowsPerSecond: snapshot.rowsPerSecond },
    snapshot,
    lag: status.lag,
    application,
    steps: cutover.steps,
  };
}

function printResult({ cutover, rollback, application, snapshot }: DemoResult, ok: boolean): void {
  printTable(
    ['old project', 'new project', 'rows', 'checksum old', 'checksum new', 'equal'],
    cutover.tables.map(({ source, target, rows, checksum, equal }) => [
      source,
      target,
      String(rows),
      checksum.source,
      checksum.target,
      equal ? 'yes' : 'NO',
    ]),
  );
  printLine(
    `snapshot: ${snapshot.rows} rows in ${(snapshot.ms / 1_000).toFixed(1)} s, ${snapshot.rowsPerSecond} rows/s`,
  );
  const pause = (ms: number | null, seen: number) => `write pause: ${ms} ms; seen by the application: ${seen} ms`;
  printLine(pause(cutover.writePauseMs, application.pauseMsInto.target));
  if (rollback) printLine(`rollback: ${pause(rollback.writePauseMs, application.pauseMsInto.source)}`);
  printLine(
    `application: ${application.committed} transactions, ${application.writesOnTarget} of them in the new project, ${application.lost} lost`,
  );
  const moved = rollback ? 'the database has moved, and back' : 'the database has moved';
  printLine(ok ? moved : 'the database has NOT moved cleanly: see above');
}

function rowCount(text: string): number {
  const value = parseWholeNumber(text);
  if (value < MIN_ROWS) throw new InvalidArgumentError(`Write at least ${MIN_ROWS}.`);
  return value;
}
