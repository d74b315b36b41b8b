import { toFerryError } from '../../../core/errors.js';
import type { Journal } from './journal.js';
import type { StepName, StepReport } from './plan.js';

/** Runs the steps of a cutover, says each one's beginning and end, and writes both into the journal. */
export class Steps {
  readonly #journal: Journal | undefined;
  readonly #onStep: (report: StepReport) => void;
  /** The steps that have ended, in order. */
  readonly reports: StepReport[] = [];

  /** @param options.journal undefined when nothing shall be written. */
  constructor(options: { journal: Journal | undefined; onStep: (report: StepReport) => void }) {
    this.#journal = options.journal;
    this.#onStep = options.onStep;
  }

  /** @returns what `act` does; when that is text, it is the step's detail. */
  async run<T>(step: StepName, act: () => Promise<T>): Promise<T> {
    this.#onStep({ step, state: 'started' });
    const startedAt = performance.now();
    const id = await this.#journal?.begin(step);
    const end = async (state: 'done' | 'failed', detail: string | undefined) => {
      const ms = Math.round(performance.now() - startedAt);
      const report: StepReport = { step, state, ms, ...(detail ? { detail } : {}) };
      this.reports.push(report);
      this.#onStep(report);
      if (id !== undefined) await this.#journal!.end(id, state, detail ? { detail } : {});
    };
    try {
      const result = await act();
      await end('done', typeof result === 'string' ? result : undefined);
      return result;
    } catch (error) {
      await end('failed', toFerryError(error).message).catch(() => {});
      throw error;
    }
  }
}
