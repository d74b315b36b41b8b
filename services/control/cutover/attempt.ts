import pRetry from 'p-retry';
import type pg from 'pg';
import { FerryError, toFerryError } from '../../../core/errors.js';
import { classifyUnnamed, endSession } from '../../../platform/postgres.js';
import { COMMAND, NOUN, PROJECT, SERVES_AFTER, SERVES_BEFORE } from './direction.js';
import { Journal, readSettledServing, wasAborted } from './journal.js';
import { BROKEN_MS, lockCoordinator } from './lock.js';
import type { StepName } from './move-steps.js';
import type { CutoverOptions } from './options.js';
import type { Pause } from './pause.js';
import type { CutoverReport } from './report.js';
import { entriesToUndo, isHarmless, type Step, stepsAhead, UNDO_ACTIONS, type Undo } from './step.js';
import { Steps } from './steps.js';
import { takeBack, undoRun } from './undo-run.js';
import type { Way } from './way.js';

/** A source that restarts is back by then. */
const LIFT_TRIES = { retries: 8, minTimeout: 250, maxTimeout: 4_000 };

export interface AttemptParts {
  readonly way: Way<StepName>;
  /** Undefined for one that is only tried: nothing is written, and nothing is done that would have to be taken back. */
  readonly journal: Journal | undefined;
  readonly pause: Pause;
  /** Ends the session that has the lock, through which the journal is written. */
  readonly leave: () => Promise<void>;
}

/** One process' work on a run: the steps that are ahead of it, or everything taken back. */
export class Attempt {
  readonly #options: CutoverOptions;
  readonly #way: Way<StepName>;
  readonly #journal: Journal | undefined;
  readonly #pause: Pause;
  readonly #leave: () => Promise<void>;
  readonly #steps: Steps;
  /** What takes back the steps that were begun, by this attempt as far as it knows. */
  readonly #undos = new Set<Undo['action']>();
  #isFlagBegun = false;
  #isResumedInPause = false;

  constructor(options: CutoverOptions, { way, journal, pause, leave }: AttemptParts) {
    this.#options = options;
    this.#way = way;
    this.#journal = journal;
    this.#pause = pause;
    this.#leave = leave;
    this.#steps = new Steps({ journal, onStep: options.onStep });
  }

  get #noun(): string {
    return NOUN[this.#way.direction];
  }

  get #command(): string {
    return COMMAND[this.#way.direction];
  }

  /** What serves while nothing has come of it. */
  get #serving(): string {
    return PROJECT[SERVES_BEFORE[this.#way.direction]];
  }

  async run(): Promise<CutoverReport> {
    try {
      const steps = await this.#ahead();
      const ahead = new Set(steps.map(({ name }) => name));
      for (const step of steps) {
        if (this.#journal || isHarmless(step)) {
          ahead.delete(step.name);
          await this.#do(step, ahead);
        } else await this.#steps.rehearse(step, this.#way.actions[step.name]);
      }
    } catch (error) {
      if (!this.#journal) throw this.#options.signal.aborted ? this.#options.signal.reason : error;
      if (!(await this.#hasFlipped(error))) throw await this.#undone(this.#journal, error);
    }
    return {
      ok: true,
      run: this.#journal?.run.id ?? null,
      dryRun: this.#options.intent === 'dry-run',
      aborted: false,
      serving: this.#journal ? SERVES_AFTER[this.#way.direction] : SERVES_BEFORE[this.#way.direction],
      writePauseMs: await this.#pausedMs(),
      steps: this.#steps.reports,
      ...this.#way.found(),
    };
  }

  /** Of a pause that another process began the journal knows, if it can still be asked. */
  async #pausedMs(): Promise<number | null> {
    if (!this.#isResumedInPause) return this.#pause.ms;
    return this.#journal!.pausedMs().catch(() => this.#pause.ms);
  }

  async #ahead(): Promise<readonly Step<StepName>[]> {
    const { steps } = this.#way;
    if (!this.#journal) return steps;
    const journal = await this.#journal.entries();
    const wasPaused = journal.some((entry) => steps.some(({ name, inPause }) => inPause && name === entry.step));
    this.#isResumedInPause = wasPaused && (await this.#way.takeOver());
    // The fence is this attempt's from here on, and must not outlive its failure; nor may what was done behind it.
    if (this.#isResumedInPause) for (const { undo } of entriesToUndo(journal)) this.#undos.add(undo.action);
    else await takeBack(this.#journal, (undo) => this.#way.undo(undo, 'anyone'));
    return stepsAhead(steps, journal, { isPaused: this.#isResumedInPause });
  }

  async #do(step: Step<StepName>, ahead: ReadonlySet<StepName>): Promise<void> {
    if (step.inPause) this.#pause.begin();
    if (step.undo) this.#undos.add(step.undo.action);
    if (step.name === 'flag') this.#isFlagBegun = true;
    await this.#steps.run(step, this.#way.actions[step.name], ahead);
  }

  /**
   * The flip's commit may have been lost on its way back. Only the flag itself says which project serves, and until
   * it does the fence must stay: two projects that both take writes are worse than a longer pause.
   */
  async #hasFlipped(cause: unknown): Promise<boolean> {
    if (!this.#isFlagBegun) return false;
    const { pipeline, connectTarget } = this.#options;
    try {
      const serving = await pRetry(async () => {
        const target = await connectTarget();
        return readSettledServing(target, pipeline.name).finally(() => endSession(target));
      }, LIFT_TRIES);
      return serving === SERVES_AFTER[this.#way.direction];
    } catch {
      throw new FerryError(
        'cutover-failed',
        `the ${this.#noun} failed, and the flag cannot be read: ${toFerryError(cause).message}`,
        {
          remedy: `Writes stay refused. Bring the new project back, then \`${this.#command} --resume\` goes on, or \`--abort\` undoes it.`,
          cause,
        },
      );
    }
  }

  /** Takes all back that was done. @returns the error that says why. */
  async #undone(journal: Journal, error: unknown): Promise<FerryError> {
    const hasActed = this.#undos.size > 0;
    if (hasActed) this.#options.onStep({ step: 'undo', state: 'started' });
    try {
      for (const action of UNDO_ACTIONS) {
        if (this.#undos.has(action)) await pRetry(() => this.#way.undo({ action }, 'attempt'), LIFT_TRIES);
      }
    } catch (cause) {
      const why = `${toFerryError(error).message}; and the fence cannot be lifted: ${toFerryError(cause).message}`;
      return new FerryError('cutover-failed', `the ${this.#noun} failed: ${why}`, {
        remedy: `Writes may stay refused. Bring both sides back, then \`${this.#command} --abort\` undoes the rest.`,
        cause: error,
      });
    }
    if (hasActed) {
      const detail = `the fence is lifted, ${this.#serving} serves`;
      this.#options.onStep({ step: 'undo', state: 'done', detail });
    }
    const reason = this.#explained(error);
    try {
      if (await this.#close(journal)) return reason;
      const remedy = '`ferry status` says which project serves, `ferry history` who did what.';
      return new FerryError(reason.code, `${toFerryError(error).message}; another command went on with the run`, {
        remedy,
        cause: error,
      });
    } catch (cause) {
      const stands = `The run stands open, ${toFerryError(cause).message}: \`${this.#command} --abort\` closes it.`;
      const remedy = [reason.remedy, stands].filter(Boolean).join(' ');
      return new FerryError(reason.code, reason.message, { remedy, cause: error });
    }
  }

  /**
   * Ends the run in the journal, through a session that has the lock, or not at all. Where that may be lost, or an earlier
   * attempt has left what this one has not taken back, the lock is taken anew: who undoes for others must have it.
   * @returns false when another command has gone on with the run, to its end.
   */
  async #close(journal: Journal): Promise<boolean> {
    if (await this.#hasClosed(journal).catch(() => false)) return true;
    await this.#leave();
    const { name } = this.#options.pipeline;
    const target: pg.Client = await this.#options.connectTarget();
    try {
      await lockCoordinator(target, name, BROKEN_MS);
      const open = await Journal.open(target, name);
      // Of the last word the answer alone may be lost.
      if (open?.run.id !== journal.run.id) return await wasAborted(target, journal.run);
      await undoRun(open, (undo) => pRetry(() => this.#way.undo(undo, 'anyone'), LIFT_TRIES));
      return true;
    } finally {
      await endSession(target);
    }
  }

  /** Without what is left of others: it is not marked as taken back. */
  async #hasClosed(journal: Journal): Promise<boolean> {
    const left = entriesToUndo(await journal.entries());
    if (left.some(({ undo }) => !this.#undos.has(undo.action))) return false;
    await undoRun(journal, () => Promise.resolve());
    return true;
  }

  #explained(error: unknown): FerryError {
    const { maxPauseMs } = this.#journal!.run.settings;
    if (this.#pause.isUsedUp) {
      return new FerryError(
        'not-ready',
        `the write pause was used up after ${maxPauseMs} ms; ${this.#serving} serves`,
        {
          remedy:
            'The steps say what took so long, `ferry status` what a service waits for. Or allow more with --max-pause.',
          cause: error,
        },
      );
    }
    if (this.#options.signal.aborted) {
      return new FerryError('not-ready', `the ${this.#noun} was interrupted; ${this.#serving} serves`, {
        remedy: `Run \`${this.#command}\` again when it suits.`,
        cause: error,
      });
    }
    const known = classifyUnnamed(error);
    if (known.policy.exit === 3 || this.#pause.ms === null) return known;
    return new FerryError('cutover-failed', known.message, {
      remedy:
        known.code === 'internal'
          ? `The fence is lifted and ${this.#serving} serves. Correct the cause and run \`${this.#command}\` again.`
          : known.remedy,
      cause: error,
    });
  }
}
