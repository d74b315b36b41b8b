import { Command, InvalidArgumentError, Option } from 'commander';
import { FerryError } from '../core/errors.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { type Rollout, readRollout } from '../services/control/rollout/rollout.js';
import { RolloutRefused, stepRollout } from '../services/control/rollout/step.js';
import { READY_BELOW_SECONDS } from '../services/control/status/pipeline-status.js';
import { parseDuration } from './duration.js';
import { printJson, printLine } from './output.js';
import { readOnce } from './status.js';

const EXAMPLE = `
Example:
  $ ferry verify -c config/mine && ferry rollout -c config/mine --percent 10
  $ ferry rollout -c config/mine
  $ ferry rollout -c config/mine --percent 0

Reads of so many users go to the new project while the old one takes all writes; applications follow by schemaferry/routing.
Up only when no cutover is open, every table streams, lag is low, no dead letters stand and every table was verified; down at any time.
Exit code: 0 set or shown, 3 not ready (nothing is changed), 1 failed, 2 usage.`;

const DAY_MS = 86_400_000;

interface RolloutFlags {
  readonly config: string;
  readonly percent?: number;
  readonly mode: 'reads' | 'users';
  readonly maxLag: number;
  readonly verifiedWithin: number;
  readonly json?: true;
}

export function rolloutCommand(): Command {
  return new Command('rollout')
    .description(
      'lead the reads of a share of the users to the new project, ahead of the cutover; without --percent, show it',
    )
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--percent <n>', 'share of the users, 0 to 100', parsePercent)
    .addOption(new Option('--mode <mode>', 'what of a user goes there').choices(['reads', 'users']).default('reads'))
    .addOption(
      new Option('--max-lag <duration>', 'the lag that a step up is refused above')
        .argParser(parseDuration)
        .default(READY_BELOW_SECONDS * 1_000, `${READY_BELOW_SECONDS}s`),
    )
    .addOption(
      new Option('--verified-within <duration>', "how old each table's last verification may be for a step up")
        .argParser(parseDuration)
        .default(DAY_MS, '24h'),
    )
    .option('--json', 'print one JSON object: ok, serving, percent, mode, before, gates')
    .addHelpText('after', EXAMPLE)
    .action(runRollout);
}

async function runRollout({ config, percent, mode, maxLag, verifiedWithin, json }: RolloutFlags): Promise<void> {
  if (mode === 'users') throw usersRefused();
  const pipeline = await loadPipeline(config);
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry rollout' });
  try {
    await ensureControlSchema(target);
    if (percent === undefined) {
      const rollout = await readRollout(target, pipeline.name);
      return json ? printJson({ ok: true, ...rollout }) : printLine(inWords(rollout));
    }
    const { before, after, gates } = await stepRollout(
      { pipeline, target, readStatus: () => readOnce(pipeline) },
      { percent, maxLagSeconds: maxLag / 1_000, verifiedWithinMs: verifiedWithin },
    );
    if (json) printJson({ ok: true, ...after, before: before.percent, gates });
    else printLine(`${inWords(after)} (before: ${before.percent} %)`);
  } catch (error) {
    if (!(error instanceof RolloutRefused) || !json) throw error;
    const { code, message, remedy, gates } = error;
    process.stderr.write(`error: ${message}\n  next: ${remedy}\n`);
    printJson({ ok: false, error: { code, message, remedy }, gates });
    process.exitCode = error.policy.exit;
  } finally {
    await target.end().catch(() => {});
  }
}

function inWords({ serving, percent, mode }: Rollout): string {
  if (serving === 'target') return 'the new project serves: all users read and write there';
  return `the old project serves; ${mode} of ${percent} % of the users go to the new one`;
}

function usersRefused(): FerryError {
  return new FerryError(
    'usage',
    "--mode users is not there yet: a user's writes to the new project would not come back to the old one without the reverse pipeline",
    { remedy: 'Use --mode reads: writes stay where the flag says.' },
  );
}

function parsePercent(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 100) {
    throw new InvalidArgumentError('Write a whole number from 0 to 100.');
  }
  return Number(text);
}
