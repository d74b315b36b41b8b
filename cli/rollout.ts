import { Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from 'pg';
import { FerryError } from '../core/errors.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import type { Direction } from '../services/control/cutover/direction.js';
import { readCoordinator } from '../services/control/cutover/lock.js';
import { type Rollout, readRollout } from '../services/control/rollout/rollout.js';
import { RolloutRefused, stepRollout } from '../services/control/rollout/step.js';
import type { Abandoned } from '../services/control/rollout/users/abandoned.js';
import type { LostRows } from '../services/control/rollout/users/lost-rows.js';
import { isHalfUsers } from '../services/control/rollout/users/step-users.js';
import { READY_BELOW_SECONDS } from '../services/control/status/pipeline-status.js';
import { parseDuration } from './duration.js';
import { printJson, printLine } from './output.js';
import { abandonedOf, printLost } from './rollout/abandon.js';
import { readUsersRollout, runStepUsers, type UsersRollout } from './rollout/users.js';
import { readOnce } from './status.js';

const EXAMPLE = `
Examples:
  $ ferry verify -c config/mine && ferry rollout -c config/mine --percent 10
  $ ferry rollout -c config/mine
  $ ferry rollout -c config/mine --percent 0
  $ ferry rollout -c config/mine --mode users --percent 10
  $ ferry rollout -c config/mine --mode reads --percent 0
  $ ferry rollout -c config/mine --mode reads --percent 0 --abandon back --reason 'the slot is lost, INC-7'

Reads of so many users go to the new project while the old one takes all writes; in the mode users both go there, and both
directions carry changes. Applications follow by schemaferry/routing. Up only when no cutover is open, every table streams, lag is
low, no dead letters stand and every table was verified; users, when the way back brings everything, too. Down at any time.
Exit code: 0 set or shown, 3 not ready (nothing is changed), 1 failed, 2 usage.`;

const DAY_MS = 86_400_000;

export interface RolloutFlags {
  readonly config: string;
  readonly percent?: number;
  readonly mode?: 'reads' | 'users';
  readonly maxLag: number;
  readonly verifiedWithin: number;
  readonly routersWithin: number;
  readonly abandon?: readonly Direction[];
  readonly reason?: string;
  readonly json?: true;
}

export function rolloutCommand(): Command {
  return new Command('rollout')
    .description(
      'lead a share of the users to the new project, ahead of the cutover: their reads, or all of them; without options, show it',
    )
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--percent <n>', 'share of the users, 0 to 100', parsePercent)
    .addOption(
      new Option('--mode <mode>', 'what of a user goes there (default: as it stands)').choices(['reads', 'users']),
    )
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
    .addOption(
      new Option('--routers-within <duration>', 'as the mode users begins: the largest maxStalenessMs of your routers')
        .argParser(parseDuration)
        .default(5_000, '5s'),
    )
    .addOption(
      new Option(
        '--abandon <direction...>',
        'with --mode reads: leaves the mode users without a direction that cannot go on',
      ).choices(['forward', 'back']),
    )
    .option('--reason <text>', 'why, for the history')
    .option(
      '--json',
      'print one JSON object: ok, serving, percent, mode; of a step before, gates, lost; in the mode users conflicts, moving',
    )
    .addHelpText('after', EXAMPLE)
    .action(runRollout);
}

async function runRollout(flags: RolloutFlags): Promise<void> {
  const { json } = flags;
  const abandoned = abandonedOf(flags);
  const pipeline = await loadPipeline(flags.config);
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry rollout' });
  try {
    await ensureControlSchema(target);
    const { before, after, gates, lost } = await step(pipeline, target, { ...flags, abandoned });
    const users = await readUsersRollout(pipeline, target, after);
    if (!before) return json ? printJson({ ok: true, ...inJson(after, users) }) : printLine(inWords(after, users));
    if (json) printJson({ ok: true, ...inJson(after, users), before: before.percent, gates, lost });
    else {
      printLine(`${inWords(after, users)} (before: ${before.percent} %)`);
      if (lost) printLost(lost, pipeline);
    }
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

/** @returns without `before` when it was only looked at. */
async function step(
  pipeline: LoadedPipeline,
  target: Client,
  flags: RolloutFlags & { readonly abandoned: Abandoned | undefined },
): Promise<{ before?: Rollout; after: Rollout; gates: readonly object[]; lost?: readonly LostRows[] }> {
  const { percent, maxLag, verifiedWithin, abandoned } = flags;
  const now = await readRollout(target, pipeline.name);
  const isHalf = await isHalfUsers({ pipeline, target }, now);
  if (isHalf && flags.mode === undefined) throw halfUsers(await readCoordinator(target, pipeline.name));
  if (percent === undefined && flags.mode === undefined) return { after: now, gates: [] };
  if (abandoned && now.mode === 'reads' && !isHalf) {
    throw new FerryError('not-ready', 'the rollout is not in the mode users: there is no direction to abandon', {
      remedy: '`ferry rollout` shows how it stands.',
    });
  }
  const mode = flags.mode ?? (now.mode as 'reads' | 'users');
  if (mode === 'users' || now.mode === 'users' || isHalf) return runStepUsers(pipeline, target, { ...flags, mode });
  if (percent === undefined) return { after: now, gates: [] };
  return stepRollout(
    { pipeline, target, readStatus: () => readOnce(pipeline) },
    { percent, maxLagSeconds: maxLag / 1_000, verifiedWithinMs: verifiedWithin },
  );
}

function inJson({ serving, percent, mode }: Rollout, users: UsersRollout | undefined): object {
  return { serving, percent, mode, ...users };
}

function inWords({ serving, percent, mode }: Rollout, users: UsersRollout | undefined): string {
  if (serving === 'target') return 'the new project serves: all users read and write there';
  if (!users) return `the old project serves; ${mode} of ${percent} % of the users go to the new one`;
  const { conflicts, moving } = users;
  const said = [`reads and writes of ${percent} % of the users go to the new project, of the others to the old one`];
  if (moving) {
    const left = `It was left: --percent ${moving.to} goes on, --percent ${percent} takes it back.`;
    said.push(
      `The users up to ${moving.to} % are on the way and wait. ${moving.by ? `${moving.by} moves them.` : left}`,
    );
  }
  said.push(`Changes given up for a later one: ${conflicts.old} in the old project, ${conflicts.new} in the new one.`);
  return said.join('\n');
}

/** @param by who enters or leaves it now. */
function halfUsers(by: string | undefined): FerryError {
  if (by !== undefined) {
    return new FerryError('not-ready', `the mode users is being entered or left: ${by}`, {
      remedy: 'Wait until that has ended, then look again.',
    });
  }
  return new FerryError('not-ready', 'a command has left the mode users half entered or half left', {
    remedy: 'ferry rollout --mode users enters it; ferry rollout --mode reads leaves it.',
  });
}

function parsePercent(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 100) {
    throw new InvalidArgumentError('Write a whole number from 0 to 100.');
  }
  return Number(text);
}
