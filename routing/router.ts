import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from './fence.js';
import { FlagWatch } from './flag-watch.js';
import { isRolledOut, type Overrides, readOverrides, type Side } from './rollout.js';

export type { Side } from './rollout.js';

export interface RouterOptions {
  /** Connection URL of the target project. The role needs USAGE on the schema ferry and SELECT on ferry.cutover. */
  readonly url: string;
  readonly pipeline: string;
  /** Reads the flag at least this often; a notification tells a change at once. Default 500. */
  readonly refreshMs?: number;
  /** Told when the flag could not be read. The router goes on with the last value and tries again. */
  readonly onError?: (error: Error) => void;
  /** Default: process.env. See {@link readOverrides}. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Router {
  /**
   * Which project serves. At most `refreshMs` old while the target can be reached, and the last value known otherwise:
   * a write that goes to the wrong project by that is refused there (the fence), never lost. The first call waits for
   * the first read, 5 s at the most; while no value is known it is the source, so that the old project does not
   * depend on the new one.
   */
  serving(): Promise<Side>;
  /** Reads the flag now. */
  refresh(): Promise<Side>;
  /** @returns a function that ends the calls. */
  onChange(callback: (side: Side) => void): () => void;
  /**
   * Where one user's *reads* go: the target for the rollout's share of users, whichever project takes the writes.
   * Without a user id each call is drawn by lot.
   */
  route(userId?: string): Promise<Side>;
  /**
   * Runs one transaction on the serving project, and again when the fence refused it, until `deadlineMs` (default
   * 30,000) has passed. What is refused was rolled back: `work` must be all of the transaction, and nothing else.
   * @throws what `work` throws; the refusal itself after the deadline.
   */
  run<T>(work: (side: Side) => Promise<T>, options?: { readonly deadlineMs?: number }): Promise<T>;
  close(): Promise<void>;
}

/**
 * Starts to follow a pipeline's flag.
 * @throws Error when an environment variable has a value that is none of its own.
 */
export function createRouter(options: RouterOptions): Router {
  const overrides = readOverrides(options.env ?? process.env);
  return new FlagRouter(
    overrides,
    (onValue) =>
      new FlagWatch({
        url: options.url,
        pipeline: options.pipeline,
        refreshMs: options.refreshMs ?? 500,
        onValue,
        onError: options.onError ?? (() => {}),
      }),
  );
}

/** Between two attempts of a transaction that the fence refused, unless the flag flips first. */
const RETRY_MIN_MS = 10;
const RETRY_MAX_MS = 100;

export class FlagRouter implements Router {
  readonly #overrides: Overrides;
  readonly #watch: Pick<FlagWatch, 'value' | 'refresh' | 'close'>;
  readonly #firstRead: Promise<void>;
  readonly #listeners = new Set<(side: Side) => void>();

  constructor(
    overrides: Overrides,
    openWatch: (onValue: (side: Side) => void) => Pick<FlagWatch, 'value' | 'refresh' | 'close'>,
  ) {
    this.#overrides = overrides;
    this.#watch = openWatch((side) => {
      // Apart from the watch, which a listener that throws must not take down with it.
      for (const listener of this.#listeners) queueMicrotask(() => listener(side));
    });
    // With an override nobody asks the flag, so that it works where the target cannot be reached.
    this.#firstRead = overrides.serving ? Promise.resolve() : this.#watch.refresh();
  }

  async serving(): Promise<Side> {
    if (this.#overrides.serving) return this.#overrides.serving;
    await this.#firstRead;
    return this.#watch.value ?? 'source';
  }

  async refresh(): Promise<Side> {
    if (!this.#overrides.serving) await this.#watch.refresh();
    return this.serving();
  }

  onChange(callback: (side: Side) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  async route(userId?: string): Promise<Side> {
    const serving = await this.serving();
    if (this.#overrides.serving || serving === 'target') return serving;
    return isRolledOut(this.#overrides.rolloutPercentage, userId) ? 'target' : 'source';
  }

  async run<T>(work: (side: Side) => Promise<T>, options: { readonly deadlineMs?: number } = {}): Promise<T> {
    const giveUpAt = performance.now() + (options.deadlineMs ?? 30_000);
    for (let waitMs = RETRY_MIN_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      const side = await this.serving();
      try {
        return await work(side);
      } catch (error) {
        if (!isFenced(error) || performance.now() >= giveUpAt) throw error;
      }
      if ((await this.refresh()) === side) await this.#changeWithin(waitMs);
    }
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  async #changeWithin(ms: number): Promise<void> {
    const changed = new AbortController();
    const unsubscribe = this.onChange(() => changed.abort());
    // Rejects when the flag flips, which only means that the time is up earlier.
    await sleep(ms, undefined, { signal: changed.signal }).catch(() => {});
    unsubscribe();
  }
}
