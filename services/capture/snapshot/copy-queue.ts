import type { TablePlan } from './chunk.js';

/** The tables that wait to be copied. One may join at any time; one that is being copied is its copier's to copy again. */
export class CopyQueue {
  readonly #waiting: TablePlan[];
  readonly #copying = new Set<number>();
  #wake: (() => void)[] = [];

  constructor(plans: readonly TablePlan[]) {
    this.#waiting = [...plans];
  }

  join(plan: TablePlan): void {
    const { id } = plan.relation;
    if (this.#copying.has(id) || this.#waiting.some(({ relation }) => relation.id === id)) return;
    this.#waiting.push(plan);
    const wake = this.#wake;
    this.#wake = [];
    for (const one of wake) one();
  }

  /** The next table, which counts as being copied until {@link left}; undefined while none waits. */
  take(): TablePlan | undefined {
    const plan = this.#waiting.shift();
    if (plan) this.#copying.add(plan.relation.id);
    return plan;
  }

  left(plan: TablePlan): void {
    this.#copying.delete(plan.relation.id);
  }

  /** Resolves when a table may have joined. */
  joined(): Promise<void> {
    if (this.#waiting.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}
