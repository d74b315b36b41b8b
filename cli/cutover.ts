import { Command } from 'commander';
import { ensureControlSchema } from '../platform/control-schema.js';
import { openLog } from '../platform/event-log/open.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { connect } from '../platform/postgres.js';
import { type CutoverOptions, cutover } from '../services/control/cutover/coordinator.js';
import type { CutoverReport, StepReport } from '../services/control/cutover/plan.js';
import { parseDuration } from './duration.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Example:
  $ ferry cutover -c config/mine --dry-run
  $ ferry cutover -c config/mine --max-pause 5s

From the step fence to the step flag the source refuses writes. Anything that fails before the flag lifts the fence.
Exit code: 0 the new project serves, 3 not ready (the old project serves), 1 failed (likewise), 2 usage.`;

interface CutoverFlags {
  readonly config: string;
  readonly dryRun?: true;
  readonly maxPause: number;
  readonly json?: true;
}

export function cutoverCommand(): Command {
  return new Command('cutover')
    .description('move the traffic: fence, marker, drained, verified, sequences, flag; undone on any failure')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--dry-run', 'check the gates, verify and predict the write pause; change nothing')
    .option('--max-pause <duration>', 'undo when the write pause is used up', parseDuration, 10_000)
    .option('--json', 'print one JSON object: ok, serving, writePauseMs, steps')
    .addHelpText('after', EXAMPLE)
    .action(runCommand);
}

async function runCommand(flags: CutoverFlags): Promise<void> {
  const pipeline = await loadPipeline(flags.config);
  const report = await runCutover(pipeline, {
    dryRun: flags.dryRun === true,
    maxPauseMs: flags.maxPause,
    onStep: (step) => process.stderr.write(`${describeStep(step)}\n`),
  });
  if (flags.json) printJson(report);
  else printLine(conclusion(report));
}

/** Runs the coordinator with Ctrl-C as its way out: before the flag it undoes. */
export async function runCutover(
  pipeline: LoadedPipeline,
  options: Pick<CutoverOptions, 'dryRun' | 'maxPauseMs' | 'onStep' | 'onTable'>,
): Promise<CutoverReport> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const log = await openLog(pipeline, `ferry-${pipeline.name}-cutover`, silentLogger);
  try {
    const target = await connect('target', pipeline.target.url, { applicationName: 'ferry cutover' });
    await ensureControlSchema(target).finally(() => target.end());
    return await cutover({
      pipeline,
      log,
      connectSource: () => connect('source', pipeline.source.url, { applicationName: 'ferry cutover' }),
      connectTarget: () => connect('target', pipeline.target.url, { applicationName: 'ferry cutover' }),
      signal: stop.signal,
      ...options,
    });
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await log[Symbol.asyncDispose]();
  }
}

export function describeStep({ step, state, ms, detail }: StepReport): string {
  const took = ms === undefined ? '' : ` ${ms} ms`;
  return `${step.padEnd(12)} ${state}${took}${detail ? `  ${detail}` : ''}`;
}

function conclusion(report: CutoverReport): string {
  if (report.dryRun) return `ready: the write pause would be about ${report.predictedPauseMs} ms`;
  return `the new project serves; writes paused for ${report.writePauseMs} ms`;
}
