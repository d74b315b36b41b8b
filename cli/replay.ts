import { Command, Option } from 'commander';
import { refuseEmptying } from '../core/config/way-back.js';
import { FerryError, POLICY } from '../core/errors.js';
import type { TableMapping } from '../core/mapping.js';
import type { ServiceName } from '../core/service-report.js';
import { openLog } from '../platform/event-log/open.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { connect, describeUrl } from '../platform/postgres.js';
import { parseStartPlace } from '../services/control/replay/from.js';
import type { ReplayRun } from '../services/control/replay/journal.js';
import type { ReplayReport } from '../services/control/replay/options.js';
import { replay } from '../services/control/replay/replay.js';
import { replayedTables } from '../services/control/replay/reset.js';
import { everyMappingOf } from '../services/control/tables/stop-and-go.js';
import { confirm } from './confirm.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';
import { MissingServices } from './replay/missing-services.js';
import { newVersion, withNextVersion } from './replay/new-version.js';
import { ProgressView } from './replay/progress.js';
import { secondTarget, withSecondTarget } from './replay/second-target.js';

const EXAMPLE = `
Examples:
  $ ferry replay -c config/mine --yes
  $ ferry replay -c config/mine --table public.orders public.customers --yes
  $ SECOND_URL=postgres://... ferry replay -c config/mine --target SECOND_URL --yes
  $ ferry replay -c config/mine --target RESTORED_URL --from 2026-03-01T14:00:00Z
  $ ferry replay -c config/mine --mapping --yes

Works with \`ferry up\` running or not; what does not run is started for the time of the replay. Killed or interrupted,
run it again as it was: it goes on where it stood.
Exit code: 0 rebuilt and equal, 3 rebuilt and different, or not verified because the source cannot be reached, or not
ready, 1 failed, 2 usage.`;

interface ReplayFlags {
  readonly config: string;
  readonly table?: readonly string[];
  readonly target?: string;
  readonly from?: string;
  readonly mapping?: true;
  readonly restart?: true;
  readonly yes?: true;
  readonly json?: true;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('rebuild the target from the log: empty the mapped tables, apply everything again, verify')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .addOption(
      new Option('--table <table...>', 'these source tables alone: the others go on').conflicts(['target', 'from']),
    )
    .option('--target <variable>', 'rebuild another database, whose URL this environment variable has')
    .option(
      '--from <lsn|time>',
      'empty nothing: go on with a target that was restored as of no later than this place in the source',
    )
    .addOption(
      new Option(
        '--mapping',
        'by the mapping as its files are now: transforms the raw topic again first, while the target goes on',
      ).conflicts(['table', 'from']),
    )
    .addOption(new Option('--restart', 'give up a replay that has not finished, and begin anew'))
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object: ok, resumed, verified, records, tables, deadLetters, durationMs')
    .addHelpText('after', EXAMPLE)
    .action(runReplay);
}

async function runReplay(flags: ReplayFlags): Promise<void> {
  const found = await loadPipeline(flags.config);
  refuseEmptying(found, 'ferry replay');
  const from = flags.from === undefined ? undefined : parseStartPlace(flags.from);
  const startedAt = performance.now();
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new FerryError('not-ready', 'interrupted', { remedy: GOES_ON }));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  await using log = await openLog(found, `ferry-${found.name}-replay`, silentLogger);
  const live = flags.mapping ? await withNextVersion(found, log) : found;
  const pipeline = flags.target === undefined ? live : withSecondTarget(live, flags.target);
  const tables = flags.table ? everyMappingOf(live, flags.table) : live.tables;
  const services = new MissingServices(log, flags.config, (error) => interrupt.abort(error));
  const needed = (isSourceThere: boolean) => neededServices(isSourceThere, flags);
  const second = flags.target === undefined ? undefined : secondTarget(pipeline, live, log);
  using view = new ProgressView();
  try {
    const report = await replay({
      pipeline,
      second,
      version: flags.mapping && newVersion(pipeline, log),
      tables,
      from,
      restart: flags.restart ?? false,
      log,
      connectSource: () => connect('source', pipeline.source.url, { applicationName: 'ferry replay' }),
      connectTarget: () => connect('target', pipeline.target.url, { applicationName: 'ferry replay' }),
      services: {
        start: (isSourceThere) => services.start(needed(isSourceThere)),
        startGone: (isSourceThere) => services.startGone(needed(isSourceThere)),
      },
      confirm: () => confirmEmptying(pipeline, tables, flags),
      onBegin: (run, hasGoneOn) => say(live, run, hasGoneOn, flags),
      onProgress: (progress) => view.show(progress),
      signal: interrupt.signal,
    });
    conclude(report, flags, Math.round(performance.now() - startedAt));
  } finally {
    await services.stop();
  }
}

const GOES_ON = 'Run it again as it was: it goes on where it stood.';

/** Capture has nothing to do without the source; a second target is applied to by this process, and a mapping of its own transformed. */
function neededServices(isSourceThere: boolean, { target, mapping }: ReplayFlags): ServiceName[] {
  const capture: ServiceName[] = isSourceThere ? ['capture'] : [];
  if (target === undefined) return [...capture, 'transform', 'apply'];
  return mapping ? capture : [...capture, 'transform'];
}

async function confirmEmptying(
  pipeline: LoadedPipeline,
  mappings: readonly TableMapping[],
  { yes }: ReplayFlags,
): Promise<void> {
  if (yes) return;
  const tables = replayedTables(mappings);
  const where = describeUrl(pipeline.target.url);
  await confirm(
    'replay empties the mapped tables of the target',
    `This empties ${tables.length} tables of ${where} (${tables.join(', ')}).`,
  );
}

/** One that goes on is one act with its beginning. */
async function say(live: LoadedPipeline, run: ReplayRun, hasGoneOn: boolean, flags: ReplayFlags): Promise<void> {
  if (hasGoneOn) {
    process.stderr.write(`going on with the replay begun at ${run.startedAt}\n`);
    return;
  }
  const detail = {
    ...(flags.target === undefined ? {} : { target: describeUrl(withSecondTarget(live, flags.target).target.url) }),
    ...(flags.table ? { tables: run.scope.tables } : {}),
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.mapping ? { mappingVersion: live.mappingVersion } : {}),
  };
  const target = await connect('target', live.target.url, { applicationName: 'ferry replay' });
  await recordAct(target, live.name, { act: 'replay', detail }).finally(() => target.end());
}

function conclude(report: ReplayReport, { json }: ReplayFlags, durationMs: number): void {
  if (json) printJson({ ...report, durationMs });
  else printLine(`${report.records} records replayed in ${durationMs} ms; ${conclusion(report)}`);
  if (!report.ok) process.exitCode = POLICY.mismatch.exit;
}

function conclusion({ ok, verified, deadLetters }: ReplayReport): string {
  if (deadLetters > 0) return `${deadLetters} changes were refused: see ferry dead-letter list`;
  if (!verified) return `NOT verified, the source cannot be reached; once it can, run it again`;
  return ok ? 'source and target are equal' : 'the target DIFFERS: see ferry verify';
}
