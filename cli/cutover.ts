import { Command, Option } from 'commander';
import { FerryError } from '../core/errors.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { openLog } from '../platform/event-log/open.js';
import type { EventLog } from '../platform/event-log/port.js';
import { type LoadedPipeline, loadPipeline, loadWayBack } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { connect } from '../platform/postgres.js';
import { cutover } from '../services/control/cutover/coordinator.js';
import { COMMAND, type Direction, NOUN, PROJECT } from '../services/control/cutover/direction.js';
import { forcibleIn, type GateName, type GateReport, GatesClosed } from '../services/control/cutover/gates/gate.js';
import type { AfterCopy, CutoverOptions } from '../services/control/cutover/options.js';
import type { CutoverReport, StepReport } from '../services/control/cutover/report.js';
import type { Settings } from '../services/control/cutover/settings.js';
import type { Intent } from '../services/control/cutover/step.js';
import type { TableReport } from '../services/control/verify/report.js';
import type { Progress } from '../services/migrate/migrate.js';
import { parseDuration } from './duration.js';
import { PIPED_COLUMNS, printJson, printLine, renderTable } from './output.js';
import { migrateTarget, readTargetMigrations } from './target-migrations.js';

interface MoveFlags {
  readonly config: string;
  readonly dryRun?: true;
  readonly resume?: true;
  readonly abort?: true;
  readonly maxPause?: number;
  readonly verifiedWithin?: number;
  readonly force?: readonly GateName[];
  readonly reason?: string;
  readonly acceptOneWay?: true;
  readonly json?: true;
}

export function cutoverCommand(): Command {
  return moveCommand('cutover', 'forward')
    .description('move the traffic: fence, marker, drained, verified, sequences, turn, flag; undone on any failure')
    .option('--accept-one-way', 'go without a way back, or without what the mapping cannot bring back; it is recorded')
    .addHelpText(
      'after',
      `
Example:
  $ ferry cutover -c config/mine --dry-run
  $ ferry cutover -c config/mine --max-pause 5s
  $ ferry cutover -c config/mine --abort
  $ ferry cutover -c config/mine --force parity --reason 'grants are cleaned up, SEC-12'

From the step fence to the step flag the source refuses writes. Anything that fails before the flag is undone. What a
coordinator that was killed has left stands in the journal: --resume goes on with it, --abort undoes it.
Exit code: 0 the new project serves (with --abort the old one), 3 not ready (the old project serves), 1 failed (likewise),
2 usage.`,
    );
}

export function rollbackCommand(): Command {
  return moveCommand('rollback', 'back')
    .description('move the traffic back to the old project, with all that the new one has taken')
    .addHelpText(
      'after',
      `
Example:
  $ ferry rollback -c config/mine --dry-run
  $ ferry rollback -c config/mine --verified-within 1h
  $ ferry cutover -c config/mine

The same steps as of a cutover, along the way back (ferry way-back): from the step fence to the step flag the new project
refuses writes. Another cutover may follow, and another rollback.
Exit code: 0 the old project serves (with --abort the new one), 3 not ready (the new project serves), 1 failed (likewise),
2 usage.`,
    );
}

function moveCommand(name: string, direction: Direction): Command {
  return new Command(name)
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .addOption(
      new Option('--dry-run', 'check the gates, verify and predict the write pause; change nothing').conflicts([
        'resume',
        'abort',
      ]),
    )
    .addOption(new Option('--resume', `go on with the ${name} whose coordinator died`).conflicts('abort'))
    .option('--abort', `undo the ${name} whose coordinator died: the project that served serves on`)
    .option('--max-pause <duration>', 'undo when the write pause is used up (default: 10s)', parseDuration)
    .option(
      '--verified-within <duration>',
      `take a verification that is no older for that of the ${name} itself`,
      parseDuration,
    )
    .addOption(
      new Option('--force <gate...>', 'pass gates although they are closed; it is recorded').choices(
        forcibleIn(direction),
      ),
    )
    .option('--reason <text>', 'why, for those who read the record')
    .option(
      '--json',
      'print one JSON object: ok, run, dryRun, aborted, serving, writePauseMs, predictedPauseMs, steps, gates, tables',
    )
    .action((flags: MoveFlags) => runCommand(direction, flags));
}

async function runCommand(direction: Direction, flags: MoveFlags): Promise<void> {
  const settings = settingsOf(flags);
  const pipeline = await loadPipeline(flags.config);
  try {
    const report = await runCutover(
      { pipeline, back: await loadWayBack(pipeline) },
      {
        direction,
        intent: intentOf(flags),
        settings,
        onStep: (step) => process.stderr.write(`${describeStep(step)}\n`),
        onGates: (gates) => process.stderr.write(`${gateTable(gates)}\n`),
        onTable: (table) => process.stderr.write(`${describeTable(table)}\n`),
      },
    );
    if (flags.json) printJson(report);
    else printLine(conclusion(direction, report));
  } catch (error) {
    if (!(error instanceof GatesClosed) || !flags.json) throw error;
    const { code, message, remedy, gates } = error;
    process.stderr.write(`error: ${message}\n  next: ${remedy}\n`);
    printJson({ ok: false, error: { code, message, remedy }, gates });
    process.exitCode = error.policy.exit;
  }
}

/** @throws FerryError `usage` when gates shall be forced without a reason. */
function settingsOf({ maxPause, verifiedWithin, force = [], reason, acceptOneWay }: MoveFlags): Partial<Settings> {
  if (force.length > 0 && !reason?.trim()) {
    throw new FerryError('usage', `--force ${force.join(' ')} needs a reason`, { remedy: 'Say it with --reason.' });
  }
  return {
    ...(maxPause === undefined ? {} : { maxPauseMs: maxPause }),
    ...(verifiedWithin === undefined ? {} : { verifiedWithinMs: verifiedWithin }),
    ...(force.length > 0 || acceptOneWay
      ? {
          forced: {
            ...Object.fromEntries(force.map((gate) => [gate, reason!.trim()])),
            ...(acceptOneWay ? { 'way-back': '--accept-one-way' } : {}),
          },
        }
      : {}),
  };
}

function intentOf({ dryRun, resume, abort }: MoveFlags): Intent {
  if (dryRun) return 'dry-run';
  if (resume) return 'resume';
  return abort ? 'abort' : 'begin';
}

/** Runs the coordinator with Ctrl-C as its way out: before the flag it undoes. */
export async function runCutover(
  { pipeline, back }: { readonly pipeline: LoadedPipeline; readonly back?: LoadedPipeline | undefined },
  options: Pick<CutoverOptions, 'direction' | 'intent' | 'settings' | 'onStep' | 'onGates' | 'onTable'>,
): Promise<CutoverReport> {
  const applicationName = COMMAND[options.direction];
  const stop = new AbortController();
  const onSignal = () => stop.abort(interrupted(options));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  await using log = await openLogOf(pipeline);
  await using backLog = back && (await openLogOf(back));
  try {
    const target = await connect('target', pipeline.target.url, { applicationName });
    await ensureControlSchema(target).finally(() => target.end());
    return await cutover({
      pipeline,
      log,
      back: back && backLog && { pipeline: back, log: backLog },
      connectSource: () => connect('source', pipeline.source.url, { applicationName }),
      connectTarget: () => connect('target', pipeline.target.url, { applicationName }),
      afterCopy: afterCopyOf(pipeline),
      signal: stop.signal,
      ...options,
    });
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** What is said where nothing had to be undone. */
function interrupted({ direction }: Pick<CutoverOptions, 'direction'>): FerryError {
  return new FerryError('not-ready', `the ${NOUN[direction]} was interrupted`, {
    remedy: 'Nothing was changed: run it again when it suits.',
  });
}

function openLogOf(pipeline: LoadedPipeline): Promise<EventLog> {
  return openLog(pipeline, `ferry-${pipeline.name}-cutover`, silentLogger);
}

function afterCopyOf(pipeline: LoadedPipeline): AfterCopy {
  return {
    async check() {
      const found = await readTargetMigrations(pipeline);
      const [problem] = found?.problems ?? [];
      if (problem) throw new FerryError('migrations-refused', problem.message, { remedy: problem.remedy });
      return found && found.before + found.after > 0 ? `${found.before + found.after} migrations would be run` : '';
    },
    async run(signal) {
      const progress: Progress = {
        ended: ({ file }, { durationMs }) => void process.stderr.write(`  ${file} ${durationMs} ms\n`),
        again: ({ file }, why) => void process.stderr.write(`  ${file} is tried again: ${why}\n`),
      };
      return (await migrateTarget(pipeline, 'after', { signal, progress }))?.map(({ file }) => file) ?? [];
    },
  };
}

export function describeStep({ step, state, ms, detail }: StepReport): string {
  const took = ms === undefined ? '' : ` ${ms} ms`;
  return `${step.padEnd(12)} ${state}${took}${detail ? `  ${detail}` : ''}`;
}

function describeTable({ target, rows, equal }: TableReport): string {
  return `  ${target} ${equal ? `equal, ${rows} rows` : 'DIFFERS: ferry verify names the rows'}`;
}

function gateTable(gates: readonly GateReport[]): string {
  const rows = gates.map(({ gate, isOpen, figure, forced }) => [
    gate,
    isOpen ? 'open' : forced === undefined ? 'closed' : 'forced',
    forced === undefined ? figure : `${figure} (${forced})`,
  ]);
  return renderTable(['gate', 'is', 'figure'], rows, { wrap: 2, columns: process.stderr.columns ?? PIPED_COLUMNS });
}

function conclusion(direction: Direction, report: CutoverReport): string {
  if (report.aborted) return `the ${NOUN[direction]} is undone: ${PROJECT[report.serving]} serves`;
  if (report.dryRun) return `ready: the write pause would be about ${report.predictedPauseMs} ms`;
  return `${PROJECT[report.serving]} serves; writes paused for ${report.writePauseMs} ms`;
}
