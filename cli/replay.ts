import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { refuseEmptying } from '../core/config/way-back.js';
import { POLICY } from '../core/errors.js';
import { sourceObjectName } from '../core/topics.js';
import { openLog } from '../platform/event-log/open.js';
import type { EventLog } from '../platform/event-log/port.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { createLogger, silentLogger } from '../platform/logger.js';
import { connect } from '../platform/postgres.js';
import { ruleKitOf } from '../platform/rule-kit.js';
import { Supervisor } from '../platform/supervisor.js';
import { refuseReturned } from '../services/control/cutover/returned.js';
import { domainEnds, type ReplayProgress, waitUntilReplayed } from '../services/control/replay/replay.js';
import { replayedTables, resetTarget } from '../services/control/replay/reset.js';
import { countDeadLetters } from '../services/control/status/count-dead-letters.js';
import { readWorking } from '../services/control/status/read-reports.js';
import { appliedProbe } from '../services/control/verify/applied-probe.js';
import { verifyTables } from '../services/control/verify/verify-tables.js';
import { confirm } from './confirm.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';

const EXAMPLE = `
Example:
  $ ferry replay -c config/mine --yes

Works with \`ferry up\` running or not; what does not run is started for the time of the replay.
Exit code: 0 rebuilt and equal, 3 rebuilt and different, or not ready, 1 failed, 2 usage.`;

interface ReplayFlags {
  readonly config: string;
  readonly yes?: true;
  readonly json?: true;
}

/** Far longer than a start or a big transaction takes. */
const STALL_MS = 60_000;

export function replayCommand(): Command {
  return new Command('replay')
    .description(
      'rebuild the target from the start of the log: empty the mapped tables, apply everything again, verify',
    )
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object: ok, records, tables, deadLetters, durationMs')
    .addHelpText('after', EXAMPLE)
    .action(runReplay);
}

async function runReplay(flags: ReplayFlags): Promise<void> {
  const pipeline = await loadPipeline(flags.config);
  refuseEmptying(pipeline, 'ferry replay');
  if (!flags.yes) {
    const tables = replayedTables(pipeline);
    await confirm(
      'replay empties the mapped tables of the target',
      `This empties ${tables.length} tables of the target (${tables.join(', ')}).`,
    );
  }
  const startedAt = performance.now();
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  await using log = await openLog(pipeline, `ferry-${pipeline.name}-replay`, silentLogger);
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry replay' });
  const supervisor = await startMissing(log, flags.config);
  try {
    const ends = await domainEnds(log, pipeline);
    await refuseReturned(target, pipeline);
    await resetTarget(target, pipeline);
    await recordAct(target, pipeline.name, { act: 'replay' });
    const records = await showProgress((onProgress) =>
      waitUntilReplayed(target, pipeline, ends, { signal: stop.signal, stallMs: STALL_MS, onProgress }),
    );
    const report = await verifyTables({
      tables: pipeline.tables,
      kit: await ruleKitOf(pipeline),
      publication: sourceObjectName(pipeline.name),
      connectSource: () => connect('source', pipeline.source.url, { applicationName: 'ferry replay' }),
      connectTarget: () => connect('target', pipeline.target.url, { applicationName: 'ferry replay' }),
      applied: appliedProbe(target, {
        pipeline: pipeline.name,
        tables: pipeline.tables,
        partitions: pipeline.log.partitions,
      }),
      signal: stop.signal,
    });
    const durationMs = Math.round(performance.now() - startedAt);
    const deadLetters = await countDeadLetters(target, pipeline.name, pipeline.tables);
    const ok = report.ok && deadLetters === 0;
    if (flags.json) printJson({ ok, records, tables: report.tables, deadLetters, durationMs });
    else printLine(`${records} records replayed in ${durationMs} ms; ${conclusion(report.ok, deadLetters)}`);
    if (!ok) process.exitCode = POLICY.mismatch.exit;
  } finally {
    await supervisor?.stop();
    await target.end().catch(() => {});
  }
}

function conclusion(isEqual: boolean, deadLetters: number): string {
  if (deadLetters > 0) return `${deadLetters} changes were refused: see ferry dead-letter list`;
  return isEqual ? 'source and target are equal' : 'the target DIFFERS: see ferry verify';
}

/** Starts what does not report itself at work, until the replay is over. */
async function startMissing(log: EventLog, config: string): Promise<Supervisor | undefined> {
  const working = await readWorking(log);
  const missing = (['capture', 'transform', 'apply'] as const).filter((service) => !working.has(service));
  if (missing.length === 0) return undefined;
  return new Supervisor({
    services: missing,
    config,
    env: process.env,
    logger: createLogger('replay'),
    stderr: 'inherit',
  });
}

/** @returns the records replayed. */
async function showProgress(work: (onProgress: (progress: ReplayProgress) => void) => Promise<void>): Promise<number> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: 'replaying {bar} {percentage}% | {value}/{total} records | {eta_formatted} left' })
    : undefined;
  bar?.start(0, 0);
  let records = 0;
  try {
    await work(({ done, total }) => {
      records = total;
      bar?.setTotal(total);
      bar?.update(done);
    });
    return records;
  } finally {
    bar?.stop();
  }
}
