import { toFerryError } from '../../../core/errors.js';
import { failpoint } from '../../../platform/failpoint.js';
import { GatesClosed } from './gates/gate.js';
import type { Journal } from './journal.js';
import type { StepName } from './move-steps.js';
import type { StepReport } from './report.js';
import type { Step } from './step.js';
import type { Action, Outcome } from './way.js';

/** Does steps, says each one's beginning and end, and writes both into the journal. */
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

  /** The journal has the step, with what takes it back, before it acts. */
  async run(step: Step<StepName>, action: Action<StepName>, ahead: ReadonlySet<StepName>): Promise<void> {
    const { name } = step;
    this.#onStep({ step: name, state: 'started' });
    const startedAt = performance.now();
    const id = await this.#journal?.started(step);
    const end = async (state: 'done' | 'failed', { detail, facts }: Outcome) => {
      const ms = Math.round(performance.now() - startedAt);
      const report: StepReport = { step: name, state, ms, ...(detail ? { detail } : {}) };
      this.reports.push(report);
      this.#onStep(report);
      if (id !== undefined) await this.#journal!.ended(id, state, { ms, ...(detail ? { detail } : {}), ...facts });
    };
    await failpoint(`cutover.${name}.begun`);
    try {
      await action.expect?.();
      const outcome = await action.act(ahead);
      await failpoint(`cutover.${name}.acted`);
      await end('done', outcome);
    } catch (error) {
      const facts = error instanceof GatesClosed ? { gates: error.gates } : {};
      await end('failed', { detail: toFerryError(error).message, facts }).catch(() => {});
      throw error;
    }
  }

  /** Goes through what would be done, where that is known. */
  async rehearse({ name }: Step<StepName>, { rehearse }: Action<StepName>): Promise<void> {
    if (!rehearse) return;
    const { detail, ms } = await rehearse();
    const report: StepReport = {
      step: name,
      state: 'predicted',
      ...(ms === undefined ? {} : { ms: Math.round(ms) }),
      detail,
    };
    this.reports.push(report);
    this.#onStep(report);
  }
}
