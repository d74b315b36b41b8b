import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { Lsn } from '../../../core/lsn.js';
import { domainSchemas, oncePerSource } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { partitionsOf, topicsOf } from '../../../core/topics.js';
import { classify, endSession } from '../../../platform/postgres.js';
import type { TimedReport } from '../verify/record.js';
import type { TableReport } from '../verify/report.js';
import { pairName } from '../verify/table-times.js';
import { type Direction, PROJECT, SERVES_BEFORE } from './direction.js';
import { armFence, expectFence, raiseFence, rehearseFence } from './fence.js';
import {
  admitWriters,
  type FenceOwner,
  liftFence,
  refuseWriters,
  type StandingFence,
  takeOverAdmitted,
  takeOverFence,
} from './fence-function.js';
import { followTargets } from './follow-targets.js';
import { type GateReport, GatesClosed } from './gates/gate.js';
import { waitForGates } from './gates/look.js';
import { waitUntilDrained, writeMarker } from './marker.js';
import { type PausedStep, type StepName, stepsOf } from './move-steps.js';
import type { MoveOptions } from './options.js';
import type { Pause } from './pause.js';
import { tablesForPause } from './pause-plan.js';
import { type PausePrediction, predictedMs, predictPause } from './predict.js';
import type { CutoverReport } from './report.js';
import { planSequences, setSequences } from './sequences.js';
import type { Settings } from './settings.js';
import type { Undo } from './step.js';
import { TableChecks } from './table-checks.js';
import { analyzeStale, isAging, readStatistics } from './table-statistics.js';
import { sayTurn, type TurnSides } from './turn.js';
import { waitForLedger } from './wait-for-ledger.js';
import type { Action, Outcome, Rehearsal, Way } from './way.js';

export interface MoveContext {
  readonly options: MoveOptions;
  readonly settings: Settings;
  readonly source: pg.Client;
  readonly target: pg.Client;
  readonly owner: FenceOwner;
  readonly pause: Pause;
  /** Makes the target the one that serves. */
  readonly flip: () => Promise<void>;
}

/**
 * From the project that serves to the other one, along the pipeline whose source it is: what each of the steps does.
 * The way back is the same move, along the pipeline of the other direction.
 */
export class Move implements Way<StepName> {
  readonly direction: Direction;
  readonly steps: Way<StepName>['steps'];
  readonly actions: Readonly<Record<StepName, Action<StepName>>> = {
    gates: { act: (ahead) => this.#gates(ahead) },
    constraints: { act: () => this.#constraints(), rehearse: () => this.#pendingMigrations() },
    verify: { act: () => this.#verify() },
    statistics: { act: () => this.#statistics(), rehearse: () => this.#staleStatistics() },
    ready: { act: (ahead) => this.#gates(ahead) },
    predict: { act: () => this.#predict() },
    arm: { act: () => this.#arm(), rehearse: () => this.#rehearseArm() },
    fence: { act: () => this.#fence(), rehearse: () => this.#foretell('fence') },
    marker: { act: () => this.#mark(), rehearse: () => this.#foretell('marker') },
    drained: { act: () => this.#drain(), rehearse: () => this.#foretell('drained') },
    ledger: { act: () => this.#ledger(), rehearse: () => this.#foretell('ledger') },
    verified: { act: () => this.#verifyFenced(), rehearse: () => this.#foretell('verified') },
    sequences: { act: () => this.#sequences(), rehearse: () => this.#foretell('sequences') },
    turn: { expect: () => this.#expectFence(), act: () => this.#turn(), rehearse: () => this.#foretell('turn') },
    admit: { expect: () => this.#expectFence(), act: () => this.#admit(), rehearse: () => this.#foretell('admit') },
    flag: { expect: () => this.#expectFence(), act: () => this.#flip(), rehearse: () => this.#foretell('flag') },
  };
  readonly #at: MoveContext;
  readonly #checks: TableChecks;
  #gatesFound: readonly GateReport[] = [];
  #patienceMs = 0;
  #marker: Lsn | undefined;
  #prediction: PausePrediction | undefined;
  #live: readonly TimedReport[] = [];
  #fenced: readonly TableReport[] = [];

  constructor(context: MoveContext) {
    this.#at = context;
    this.direction = context.options.direction;
    this.steps = stepsOf(this.direction);
    this.#checks = new TableChecks(context);
  }

  async takeOver(): Promise<boolean> {
    const { source, target, owner } = this.#at;
    if (!(await takeOverFence(source, owner))) return false;
    await takeOverAdmitted(target, owner);
    return true;
  }

  /** On a session of its own: the coordinator's may be what failed. */
  async undo({ action }: Undo, whose: 'anyone' | 'attempt'): Promise<void> {
    const { owner, options } = this.#at;
    await undoMove(action, options, whose === 'anyone' ? { pipeline: owner.pipeline, run: owner.run } : owner);
  }

  found(): Pick<CutoverReport, 'gates' | 'predictedPauseMs' | 'tables'> {
    const fenced = new Map(this.#fenced.map((report) => [pairName(report), report]));
    const tables = this.#live.map(({ ms: _, ...live }) => {
      const again = fenced.get(pairName(live));
      return again ? { ...again, verified: 'fenced' as const } : { ...live, verified: 'live' as const };
    });
    return {
      gates: this.#gatesFound,
      predictedPauseMs: this.#prediction ? predictedMs(this.#prediction) : null,
      tables,
    };
  }

  async #gates(ahead: ReadonlySet<StepName>): Promise<Outcome> {
    const { options, settings, source, target, pause } = this.#at;
    const { pipeline, log, onGates, afterCopy, direction, back } = options;
    const context = { direction, pipeline, log, back, afterCopy, source, target, settings, ahead, live: this.#live };
    try {
      const gates = await waitForGates(context, { signal: pause.signal, patienceMs: this.#patienceMs });
      this.#gatesFound = gates;
      onGates?.(gates);
      const forced = gates.filter((gate) => gate.forced !== undefined).map(({ gate }) => gate);
      const open = `${gates.length - forced.length} of ${gates.length} open`;
      return { detail: forced.length > 0 ? `${open}, by force ${forced.join(', ')}` : open, facts: { gates } };
    } catch (error) {
      if (error instanceof GatesClosed) onGates?.(error.gates);
      throw error;
    }
  }

  async #constraints(): Promise<Outcome> {
    const { options, pause } = this.#at;
    const startedAt = performance.now();
    const files = await options.afterCopy.run(pause.signal);
    const { pipeline, back } = options;
    const followed = back ? await followTargets(pipeline, back.pipeline, { ...this.#at, signal: pause.signal }) : [];
    // Apply waited for locks meanwhile, and has to catch up.
    if (files.length + followed.length > 0) this.#patienceMs = (performance.now() - startedAt) * 2;
    const said = followed.length > 0 ? [`candidates follow ${followed.join(', ')}`] : [];
    return { detail: [...files, ...said].join(', ') };
  }

  async #verify(): Promise<Outcome> {
    if (this.#at.settings.forced.verified !== undefined) return { detail: 'left out by force' };
    const { reports, detail } = await this.#checks.all();
    this.#live = reports;
    return { detail };
  }

  async #statistics(): Promise<Outcome> {
    const { target, options, pause } = this.#at;
    return { detail: await analyzeStale(target, options.pipeline.tables, pause.signal) };
  }

  async #predict(): Promise<Outcome> {
    const { options, settings, source, target, pause } = this.#at;
    const { maxPauseMs } = settings;
    const chosen = tablesForPause(this.#live, maxPauseMs);
    const again = this.#live.filter((report) => chosen.has(pairName(report)));
    const limitMs = Math.max(maxPauseMs, LEAST_MEASURED_MS);
    this.#prediction = await predictPause({ ...options, source, target, again, limitMs, signal: pause.signal });
    const predicted = predictedMs(this.#prediction);
    if (predicted <= maxPauseMs) return { detail: `about ${predicted} ms`, facts: { prediction: this.#prediction } };
    throw new FerryError('not-ready', `the write pause would be about ${predicted} ms, above ${maxPauseMs} ms`, {
      remedy: 'Wait for less lag and fewer long transactions, or allow more with --max-pause.',
    });
  }

  async #foretell(step: PausedStep): Promise<Rehearsal> {
    const { ms, basis } = this.#prediction![step];
    return { ms, detail: basis };
  }

  async #pendingMigrations(): Promise<Rehearsal> {
    return { detail: (await this.#at.options.afterCopy.check()) || 'nothing to run' };
  }

  async #staleStatistics(): Promise<Rehearsal> {
    const { target, options } = this.#at;
    const aging = (await readStatistics(target, options.pipeline.tables)).filter(isAging);
    return { detail: `${aging.length} tables are yet to be analyzed` };
  }

  async #rehearseArm(): Promise<Rehearsal> {
    const { source, owner, pause } = this.#at;
    const startedAt = performance.now();
    await rehearseFence(source, owner, this.#sourceTables(), pause.signal).catch(this.#refused);
    return { ms: performance.now() - startedAt, detail: 'armed and rolled back; writers do not wait' };
  }

  async #arm(): Promise<Outcome> {
    const { source, owner, pause } = this.#at;
    await armFence(source, owner, this.#sourceTables(), pause.signal).catch(this.#refused);
    return {};
  }

  async #fence(): Promise<Outcome> {
    const { source, owner, settings } = this.#at;
    await raiseFence(source, owner, settings.maxPauseMs / 2).catch(this.#refused);
    await this.#expectFence();
    return {};
  }

  async #mark(): Promise<Outcome> {
    this.#marker = await writeMarker(this.#at.source, this.#at.owner.run);
    return {};
  }

  async #drain(): Promise<Outcome> {
    const { options, target, pause } = this.#at;
    const { name, tables, log, mappingVersion } = options.pipeline;
    const topics = domainSchemas(tables).map(topicsOf(name, mappingVersion).domain);
    const partitions = partitionsOf(topics, log.partitions);
    await waitUntilDrained(target, name, partitions, this.#marker!, pause.signal);
    return {};
  }

  async #ledger(): Promise<Outcome> {
    const { options, target, settings } = this.#at;
    return { detail: await waitForLedger(options.pipeline, { log: options.log, target }, settings.forced) };
  }

  async #verifyFenced(): Promise<Outcome> {
    const { options, settings } = this.#at;
    if (settings.forced.verified !== undefined) return { detail: 'left out by force' };
    // Who goes on in a pause that somebody else began goes by the record.
    if (this.#live.length === 0) this.#live = await this.#checks.recorded();
    const { tables } = options.pipeline;
    const again = tablesForPause(this.#live, settings.maxPauseMs);
    const chosen = tables.filter(({ source, target }) =>
      again.has(pairName({ source: displayName(source), target: displayName(target) })),
    );
    this.#fenced = await this.#checks.some(chosen);
    return { detail: `${chosen.length} of ${tables.length} tables again, equal` };
  }

  async #sequences(): Promise<Outcome> {
    const { options, settings, source, target } = this.#at;
    if (settings.forced.sequences !== undefined) return { detail: 'left out by force' };
    const values = await planSequences(source, target, options.pipeline);
    await setSequences(target, values);
    return { detail: `${values.length} set` };
  }

  readonly #refused = (error: unknown): never => {
    throw classify('source', error, `the fence of ${PROJECT[SERVES_BEFORE[this.direction]]}`);
  };

  #sourceTables() {
    return oncePerSource(this.#at.options.pipeline.tables).map((table) => table.source);
  }

  #expectFence(): Promise<void> {
    return expectFence(this.#at.source, this.#at.owner, this.#sourceTables());
  }

  async #turn(): Promise<Outcome> {
    const { source, target, owner } = this.#at;
    const isOurs = ({ state, attempt }: StandingFence) => state === 'closed' && attempt === owner.attempt;
    const when = (standing: StandingFence | undefined) => standing !== undefined && isOurs(standing);
    // Another process has undone the fence in between: what it stands for is not ours to say.
    if (!(await sayTurn({ source, target }, owner, { to: 'away', when }))) await this.#expectFence();
    return {};
  }

  async #admit(): Promise<Outcome> {
    await admitWriters(this.#at.target, this.#at.owner);
    return {};
  }

  async #flip(): Promise<Outcome> {
    this.#at.pause.signal.throwIfAborted();
    await this.#at.flip();
    return {};
  }
}

/**
 * Takes back what a step of a move did, on sessions of its own; taken back before, it stays so.
 * @param owner with an attempt: only what that one did.
 */
export async function undoMove(
  action: Undo['action'],
  { connectSource, connectTarget }: Pick<MoveOptions, 'connectSource' | 'connectTarget'>,
  owner: Pick<FenceOwner, 'pipeline' | 'run'> & { readonly attempt?: string },
): Promise<void> {
  const source = action === 'close-fence' ? undefined : await connectSource();
  try {
    const target = action === 'lift-fence' ? undefined : await connectTarget();
    try {
      if (action === 'lift-fence') await liftFence(source!, owner);
      else if (action === 'close-fence') await refuseWriters(target!, owner);
      else await turnBack({ source: source!, target: target! }, owner);
    } finally {
      if (target) await endSession(target);
    }
  } finally {
    if (source) await endSession(source);
  }
}

async function turnBack(sides: TurnSides, { pipeline, run, attempt }: Parameters<typeof undoMove>[2]): Promise<void> {
  const when = (standing: StandingFence | undefined) =>
    standing !== undefined && (attempt === undefined || standing.attempt === attempt);
  await sayTurn(sides, { pipeline, run, attempt: attempt ?? 'none' }, { to: 'back', when });
}

/** A prediction is worth something even where little is allowed: it says how much to allow. */
const LEAST_MEASURED_MS = 10_000;
