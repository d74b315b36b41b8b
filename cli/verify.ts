import { Command, InvalidArgumentError, Option } from 'commander';
import type { ClientBase } from 'pg';
import { refuseEmptying } from '../core/config/way-back.js';
import { FerryError, POLICY } from '../core/errors.js';
import { sourceObjectName } from '../core/topics.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { ruleKitOf } from '../platform/rule-kit.js';
import { refuseTwoWay } from '../services/control/rollout/users/two-way-state.js';
import { countDeadLetters } from '../services/control/status/count-dead-letters.js';
import { appliedProbe } from '../services/control/verify/applied-probe.js';
import { refuseUncopied } from '../services/control/verify/copied-tables.js';
import { type LoadLimits, parseLoadLimits } from '../services/control/verify/load-limits.js';
import { VERIFY_SESSIONS } from '../services/control/verify/read-load.js';
import type { VerifyReport } from '../services/control/verify/report.js';
import { type VerifyOptions, verifyTables } from '../services/control/verify/verify-tables.js';
import { parseDuration } from './duration.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';
import { openBrake } from './verify/brake.js';
import { openContinuous } from './verify/continuous.js';
import { openRun } from './verify/open-run.js';
import { printReport, printUnrepaired } from './verify/print-report.js';
import { type ProgressDisplay, whileShown } from './verify/progress.js';
import { openRepair } from './verify/repair.js';
import { openReturned } from './verify/returned.js';

const EXAMPLE = `
Example:
  $ ferry verify -c config/mine --table public.users
  $ ferry verify -c config/mine --max-load lag=30s,active=20
  $ ferry verify -c config/mine --resume
  $ ferry verify -c config/mine --repair
  $ ferry verify -c config/mine --continuous 10s --stop-at-difference

A row counts as different only when it is neither late nor being written.
Exit code: 0 all equal, 3 rows differ, change too often to be judged, are not copied yet or stand in the dead letters, or it was interrupted
(--resume goes on), 2 configuration, 1 failed.`;

interface VerifyFlags {
  readonly config: string;
  readonly table?: readonly string[];
  readonly resume?: true;
  readonly maxLoad?: LoadLimits;
  readonly repair?: true;
  /** ms, or true where none is said. */
  readonly continuous?: number | true;
  readonly stopAtDifference?: true;
  readonly json?: true;
}

const EVERY_MS = 10_000;

/** `ferry verify`: exit 0 when every table is equal, 3 when rows differ or cannot be judged yet. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare source and target by count and checksum of every mapped table, while writes go on')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--table <schema.table...>', 'only these tables, by their name in the source or in the target')
    .option('--resume', 'go on with the verification that was interrupted last')
    .option(
      '--max-load <limits>',
      'pause while above: lag=30s or lag=64MB, connections=80% or =200, active=20; several with commas',
      parseLimits,
    )
    .addOption(
      new Option(
        '--repair',
        'read rows that differ again from the source, through the log; rows in the target only go',
      ).conflicts('continuous'),
    )
    .option(
      '--continuous [duration]',
      'then compare rows again as they change, in rounds so far apart (10s), until Ctrl-C',
      parseDuration,
    )
    .addOption(new Option('--stop-at-difference', 'with --continuous: end with exit code 3 once a row differs'))
    .option('--json', 'print one JSON object: ok, tables, deadLetters, durationMs; with --continuous one a round, too')
    .addHelpText('after', EXAMPLE)
    .action(runVerify);
}

function parseLimits(text: string): LoadLimits {
  const limits = parseLoadLimits(text);
  if (limits) return limits;
  throw new InvalidArgumentError('Write it like lag=30s, lag=64MB, connections=80%, connections=200 or active=20.');
}

async function runVerify(flags: VerifyFlags): Promise<void> {
  if (flags.stopAtDifference && !flags.continuous) {
    throw new FerryError('usage', '--stop-at-difference goes with --continuous');
  }
  const pipeline = await loadPipeline(flags.config);
  const stop = new AbortController();
  const onSignal = () => stop.abort(interrupted(flags.config));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const connectTarget = () => connect('target', pipeline.target.url, { applicationName: VERIFY_SESSIONS });
  // One that has what is kept, and one for the checkpoints, which every table asks for.
  const control = await connectTarget();
  try {
    const checkpoints = await connectTarget();
    try {
      await whileShown((display) => verify({ pipeline, flags, control, checkpoints, display, signal: stop.signal }));
    } finally {
      await checkpoints.end().catch(() => {});
    }
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await control.end().catch(() => {});
  }
}

function interrupted(config: string): FerryError {
  return new FerryError('not-ready', 'the verification was interrupted', {
    remedy: `Go on with it: ferry verify -c ${config} --resume`,
  });
}

interface Work {
  readonly pipeline: LoadedPipeline;
  readonly flags: VerifyFlags;
  readonly control: ClientBase;
  readonly checkpoints: ClientBase;
  readonly display: ProgressDisplay;
  readonly signal: AbortSignal;
}

async function verify({ pipeline, flags, control, checkpoints, display, signal }: Work): Promise<void> {
  const { tables, run } = await openRun(control, pipeline, flags);
  const { name, mappingVersion, log } = pipeline;
  const chosen = { pipeline: name, mappingVersion, tables, partitions: log.partitions };
  await refuseUncopied(control, chosen);
  if (flags.repair) await refuseTwoWay(control, pipeline.name);
  await using returned = await openReturned(pipeline, checkpoints);
  await using brake = await openBrake(pipeline, chosen, { limits: flags.maxLoad, onPause: display.pause });
  const options: VerifyOptions & { readonly signal: AbortSignal } = {
    tables,
    kit: await ruleKitOf(pipeline),
    publication: sourceObjectName(pipeline.name),
    forward: pipeline.forward,
    connectSource: () => connect('source', pipeline.source.url, { applicationName: VERIFY_SESSIONS }),
    connectTarget: () => connect('target', pipeline.target.url, { applicationName: VERIFY_SESSIONS }),
    applied: appliedProbe(checkpoints, chosen),
    returned: returned.probe,
    room: brake.room,
    signal,
  };
  const everyMs = flags.continuous === true ? EVERY_MS : flags.continuous;
  // Before anything is compared: what changes meanwhile is due in the first round.
  await using continuous = everyMs === undefined ? undefined : await openContinuous(pipeline, options, everyMs);
  if (flags.repair) refuseEmptying(pipeline, 'ferry verify --repair');
  await using repair = flags.repair && (await openRepair(pipeline, control, tables));
  const report = await verifyTables({ ...options, memory: run, repair: repair?.table, onProgress: display.show });
  await run?.end();
  const deadLetters = await countDeadLetters(control, pipeline.name, tables);
  const ok = report.ok && deadLetters === 0;
  await recordAct(control, pipeline.name, {
    act: 'verify',
    detail: { ok, tables: report.tables.length, deadLetters, ...repairedIn(report) },
  });
  display.close();
  if (flags.json) printJson({ ...report, ok, deadLetters });
  else printReport(report);
  if (!flags.json && deadLetters > 0)
    printLine(`${deadLetters} changes stand in the dead letters: ferry dead-letter list`);
  if (!flags.json && flags.repair) printUnrepaired(report);
  if (!ok) process.exitCode = POLICY.mismatch.exit;
  if (!continuous) return;
  const isEqual = await continuous.run(report.tables, checkpoints, flags);
  const isAll = (await countDeadLetters(control, pipeline.name, tables)) === 0;
  process.exitCode = isEqual && isAll ? 0 : POLICY.mismatch.exit;
}

function repairedIn({ tables }: VerifyReport): { readonly repaired?: number } {
  const repaired = tables.reduce((sum, table) => sum + (table.repaired ?? 0), 0);
  return repaired > 0 ? { repaired } : {};
}
