import { setTimeout as sleep } from 'node:timers/promises';
import { aboveLimits, type Load, type LoadLimits } from './load-limits.js';

export interface LoadBrakeOptions {
  readonly limits: LoadLimits;
  readonly measure: () => Promise<Load>;
  /** Called with what is above the limits when reading stops, or that changes, and with undefined when it goes on. */
  readonly onPause?: (why: string | undefined) => void;
  /** Between two measurements: what reads several tables at once measures no more often. */
  readonly intervalMs?: number;
}

/** Lets verification wait while the load is above its limits. */
export class LoadBrake {
  readonly #options: LoadBrakeOptions;
  #measured: { readonly at: number; readonly why: Promise<string> } | undefined;
  #said: string | undefined;

  constructor(options: LoadBrakeOptions) {
    this.#options = options;
  }

  /**
   * Resolves once nothing is above its limit.
   * @throws what measuring throws: a load that cannot be read is not a low one; the signal's reason.
   */
  async room(signal: AbortSignal): Promise<void> {
    const { intervalMs = 1_000 } = this.#options;
    for (let why = await this.#why(intervalMs); why !== ''; why = await this.#why(intervalMs)) {
      this.#say(why);
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
    this.#say(undefined);
  }

  #why(intervalMs: number): Promise<string> {
    const now = performance.now();
    if (!this.#measured || now - this.#measured.at >= intervalMs) {
      const { measure, limits } = this.#options;
      this.#measured = { at: now, why: measure().then((load) => aboveLimits(load, limits).join('; ')) };
    }
    return this.#measured.why;
  }

  #say(why: string | undefined): void {
    if (why === this.#said) return;
    this.#said = why;
    this.#options.onPause?.(why);
  }
}
