import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import { Attempt } from './attempt.js';
import { liftFence } from './fence-function.js';
import { Forward } from './forward.js';
import { Journal, readServing } from './journal.js';
import { lockCoordinator } from './lock.js';
import type { CutoverOptions } from './options.js';
import { Pause } from './pause.js';
import type { CutoverReport } from './report.js';
import { DEFAULT_SETTINGS } from './settings.js';
import { refusalOf } from './step.js';
import { undoRun } from './undo-run.js';

/** Until a server has noticed that the session of a coordinator which was killed is gone. */
const JUST_DIED_MS = 2_000;

/**
 * Moves the traffic, goes on with a move whose coordinator died, or undoes it. What fails before the flag is undone at
 * once, and the project that served serves on; what a coordinator that died has left is in the journal.
 * @throws FerryError `not-ready` with every closed gate, or because another one runs or stands open; `mismatch`;
 * `cutover-failed`. The old project serves then, and its fence is lifted unless the message says that it is not.
 */
export async function cutover(options: CutoverOptions): Promise<CutoverReport> {
  const target = await options.connectTarget();
  try {
    await lockCoordinator(target, options.pipeline.name, JUST_DIED_MS);
    const open = await Journal.open(target, options.pipeline.name);
    await refuse(target, options, open);
    const source = await options.connectSource();
    try {
      return await (options.intent === 'abort' ? abort : move)(options, { source, target, open });
    } finally {
      await source.end().catch(() => {});
    }
  } finally {
    await target.end().catch(() => {});
  }
}

interface Standing {
  readonly source: pg.Client;
  /** Has the coordinator's lock. */
  readonly target: pg.Client;
  /** A run that has not ended. */
  readonly open: Journal | undefined;
}

async function refuse(
  target: pg.Client,
  { pipeline: { name: pipeline }, intent }: CutoverOptions,
  open: Journal | undefined,
): Promise<void> {
  const serving = await readServing(target, pipeline);
  const lastStep = (await open?.entries())?.at(-1)?.step ?? null;
  const refusal = refusalOf(intent, { pipeline, serving, open: open ? { ...open.run, lastStep } : null });
  if (refusal) throw new FerryError('not-ready', refusal.message, { remedy: refusal.remedy });
}

async function move(options: CutoverOptions, { source, target, open }: Standing): Promise<CutoverReport> {
  const { pipeline, intent, signal } = options;
  const before = open?.run.settings ?? DEFAULT_SETTINGS;
  const settings = { ...before, ...options.settings, forced: { ...before.forced, ...options.settings.forced } };
  const begin = () => Journal.begin(target, { pipeline: pipeline.name, direction: 'forward', settings });
  const journal = intent === 'dry-run' ? undefined : await (open ? open.settle(settings) : begin());
  const pause = new Pause(settings.maxPauseMs, signal);
  const way = new Forward({
    options,
    settings,
    source,
    target,
    owner: { pipeline: pipeline.name, run: journal?.run.id ?? 'dry-run', attempt: randomUUID() },
    pause,
    flip: () => journal!.serveTarget(),
  });
  return new Attempt(options, { way, journal, pause }).run();
}

/** Takes back what the open run did; without one it lifts whatever fence stands. */
async function abort(options: CutoverOptions, { source, target, open }: Standing): Promise<CutoverReport> {
  const { name: pipeline } = options.pipeline;
  const undo = (run: string) => liftFence(source, { pipeline, run });
  options.onStep({ step: 'undo', state: 'started' });
  if (open) await undoRun(open, () => undo(open.run.id));
  else await undo('none');
  options.onStep({ step: 'undo', state: 'done', detail: 'the fence is lifted, the old project serves' });
  return {
    ok: true,
    run: open?.run.id ?? null,
    dryRun: false,
    aborted: true,
    serving: await readServing(target, pipeline),
    writePauseMs: open ? await open.msSince('fence') : null,
    predictedPauseMs: null,
    steps: [],
    gates: [],
    tables: [],
  };
}
