import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { endSession } from '../../../platform/postgres.js';
import { refuseTwoWay } from '../rollout/users/two-way-state.js';
import { Attempt } from './attempt.js';
import { cutOffAfter } from './cut-off.js';
import { PROJECT, SERVES_BEFORE } from './direction.js';
import { candidatesDecide } from './follow-targets.js';
import { isFinished, Journal, readServing } from './journal.js';
import { JUST_DIED_MS, lockCoordinator } from './lock.js';
import { Move, undoMove } from './move.js';
import type { CutoverOptions, MoveOptions } from './options.js';
import { Pause } from './pause.js';
import type { CutoverReport } from './report.js';
import { DEFAULT_SETTINGS } from './settings.js';
import { refusalOf } from './step.js';
import { undoRun } from './undo-run.js';

/**
 * Moves the traffic one way or the other, goes on with a move whose coordinator died, or undoes it. What fails before the
 * flag is undone at once, and the project that served serves on; what a coordinator that died has left is in the journal.
 * The journal and the flag are in the new project, whichever way the traffic goes.
 * @throws FerryError `not-ready` with every closed gate, or because another one runs or stands open; `mismatch`;
 * `cutover-failed`. The project that served serves then, and its fence is lifted unless the message says that it is not.
 */
export async function cutover(options: CutoverOptions): Promise<CutoverReport> {
  const home = await options.connectTarget();
  try {
    await lockCoordinator(home, options.pipeline.name, JUST_DIED_MS);
    const open = await Journal.open(home, options.pipeline.name);
    await refuse(home, options, open);
    const way = wayOf(options);
    return await (options.intent === 'abort' ? abort : move)(options, { way, home, open });
  } finally {
    await endSession(home);
  }
}

/** @throws FerryError `not-ready` for a way back that was never written. */
function wayOf(options: CutoverOptions): MoveOptions {
  const { direction, back, connectSource, connectTarget } = options;
  if (direction === 'forward') return options;
  if (back) return { ...options, ...back, back: undefined, connectSource: connectTarget, connectTarget: connectSource };
  throw new FerryError('not-ready', `the pipeline ${options.pipeline.name} has no way back`, {
    remedy: 'It is armed before a cutover: what the new project has taken since then cannot be brought back by us.',
  });
}

interface Standing {
  /** Along the pipeline whose source serves. */
  readonly way: MoveOptions;
  /** A session of the new project, which has the coordinator's lock. */
  readonly home: pg.Client;
  /** A run that has not ended. */
  readonly open: Journal | undefined;
}

async function refuse(
  home: pg.Client,
  { pipeline: { name: pipeline }, direction, intent }: CutoverOptions,
  open: Journal | undefined,
): Promise<void> {
  const serving = await readServing(home, pipeline);
  const lastStep = (await open?.entries())?.at(-1)?.step ?? null;
  const known = { pipeline, direction, serving, open: open ? { ...open.run, lastStep } : null };
  const refusal = refusalOf(intent, known);
  if (refusal) throw new FerryError('not-ready', refusal.message, { remedy: refusal.remedy });
  if (!open) await refuseTwoWay(home, pipeline);
  if (direction === 'back' && (await isFinished(home, pipeline))) {
    throw new FerryError('not-ready', `the migration of the pipeline ${pipeline} is finished: its way back is gone`, {
      remedy: 'The old project has nothing of what was written since.',
    });
  }
}

async function move(options: CutoverOptions, { way, home, open }: Standing): Promise<CutoverReport> {
  const { pipeline, direction, intent, signal } = options;
  const before = open?.run.settings ?? DEFAULT_SETTINGS;
  const settings = { ...before, ...options.settings, forced: { ...before.forced, ...options.settings.forced } };
  const pause = new Pause(settings.maxPauseMs, signal);
  cutOffAfter(pause.signal, home);
  const bounded: MoveOptions = {
    ...way,
    connectSource: async () => cutOffAfter(pause.signal, await way.connectSource()),
    connectTarget: async () => cutOffAfter(pause.signal, await way.connectTarget()),
  };
  const source = await bounded.connectSource();
  try {
    const target = await bounded.connectTarget();
    try {
      const begin = () => Journal.begin(home, { pipeline: pipeline.name, direction, settings });
      const journal = intent === 'dry-run' ? undefined : await (open ? open.settle(settings) : begin());
      const owner = { pipeline: way.pipeline.name, run: journal?.run.id ?? 'dry-run', attempt: randomUUID() };
      const stands = direction === 'back' ? (flag: ClientBase) => candidatesDecide(flag, pipeline) : undefined;
      const flip = () => journal!.flip(stands);
      const moving = new Move({ options: bounded, settings, source, target, owner, pause, flip });
      return await new Attempt(options, { way: moving, journal, pause, leave: () => endSession(home) }).run();
    } finally {
      await endSession(target);
    }
  } finally {
    await endSession(source);
  }
}

/** Takes back what the open run did; without one it lifts whatever fence stands before those who write. */
async function abort(options: CutoverOptions, { way, home, open }: Standing): Promise<CutoverReport> {
  const pipeline = way.pipeline.name;
  options.onStep({ step: 'undo', state: 'started' });
  if (open) await undoRun(open, ({ action }) => undoMove(action, way, { pipeline, run: open.run.id }));
  else await undoMove('lift-fence', way, { pipeline, run: 'none' });
  const serving = SERVES_BEFORE[options.direction];
  options.onStep({ step: 'undo', state: 'done', detail: `the fence is lifted, ${PROJECT[serving]} serves` });
  return {
    ok: true,
    run: open?.run.id ?? null,
    dryRun: false,
    aborted: true,
    serving: await readServing(home, options.pipeline.name),
    writePauseMs: (await open?.pausedMs()) ?? null,
    predictedPauseMs: null,
    steps: [],
    gates: [],
    tables: [],
  };
}
