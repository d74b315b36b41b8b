import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from './fence.js';
import { FlagWatch } from './flag-watch.js';
import { type PoolsBySide, RoutedPools } from './pools.js';
import { everythingAt, type Flag, type Overrides, type Route, readOverrides, routeOf, type Side } from './rollout.js';
import { StaleFlagError } from './stale-flag.js';
import { UserMovingError } from './user-moving.js';

export type { RoutedPools } from './pools.js';
export type { Flag, Route, Side } from './rollout.js';
export { StaleFlagError } from './stale-flag.js';
export { UserMovingError } from './user-moving.js';

/** What becomes of statements while nobody knows which project serves. */
export interface StalenessOptions {
  /** How old the flag may become before `whenStale` holds. Default 5,000. */
  readonly maxStalenessMs?: number;
  /**
   * `error` (default): every call throws {@link StaleFlagError}. A side: everything goes there, reads and writes of all
   * users, until the flag is read again. In the mode `users` it is an error in any case.
   */
  readonly whenStale?: 'error' | Side;
  /** How long a call for a user waits who is on the way from one project to the other. Default 30,000. */
  readonly holdMs?: number;
}

export interface RouterOptions extends StalenessOptions {
  /** Connection URL of the target project. The role needs USAGE on the schema ferry and SELECT on ferry.cutover. */
  readonly url: string;
  readonly pipeline: string;
  /** Reads the flag at least this often; a notification tells a change at once. Default 500. */
  readonly refreshMs?: number;
  /** Told when the flag could not be read; it is tried again after `refreshMs`. */
  readonly onError?: (error: Error) => void;
  /** Default: process.env. See {@link readOverrides}. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Router {
  /**
   * Which project takes the writes. The first call waits for the first read. A write that goes to the wrong project,
   * because the flag flipped a moment ago, is refused there (the fence), never lost.
   * @throws StaleFlagError as {@link StalenessOptions} have it; so do all methods that need the flag.
   */
  serving(): Promise<Side>;
  /** Reads the flag now. */
  refresh(): Promise<Side>;
  /** @returns a function that ends the calls. */
  onChange(callback: (flag: Flag) => void): () => void;
  /**
   * Where one user's reads and writes go. Without an id each call is drawn by lot; in the mode `users` it goes where the
   * flag says.
   * @throws UserMovingError when the user has been on the way to the other project for longer than `holdMs`.
   */
  route(userId?: string): Promise<Route>;
  /** Gives the pool for a user's reads or writes, out of the two projects'. */
  pools<P>(pools: PoolsBySide<P>): RoutedPools<P>;
  /**
   * Runs one transaction where the user's writes go, and again when the fence refused it, until `deadlineMs` (default
   * 30,000) has passed. What is refused was rolled back: `work` must be all of the transaction, and nothing else.
   * @throws what `work` throws; the refusal itself after the deadline.
   */
  run<T>(work: (side: Side) => Promise<T>, options?: RunOptions): Promise<T>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly userId?: string;
  readonly deadlineMs?: number;
}

/**
 * Starts to follow a pipeline's flag.
 * @throws Error when an environment variable has a value that is none of its own.
 */
export function createRouter(options: RouterOptions): Router {
  const overrides = readOverrides(options.env ?? process.env);
  return new FlagRouter(
    { ...options, overrides },
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

/** What the router needs of a {@link FlagWatch}. */
export type Watch = Pick<FlagWatch, 'value' | 'ageMs' | 'isFailing' | 'refresh' | 'close'>;

export interface FlagRouterOptions extends StalenessOptions {
  readonly pipeline: string;
  readonly overrides: Overrides;
}

/** @throws Error where a user's writes could go to a project that others do not send them to. */
function refuseLoose({ routersWithinMs = 0 }: Flag, maxStalenessMs: number, { percent }: Overrides): void {
  if (percent !== undefined) {
    throw new Error(
      'schemaferry/routing: V2_ROLLOUT_PERCENTAGE is set, but in the rollout mode users the flag alone decides',
    );
  }
  if (maxStalenessMs <= routersWithinMs) return;
  throw new Error(
    `schemaferry/routing: maxStalenessMs is ${maxStalenessMs}, but in the rollout mode users it may be ${routersWithinMs} at most`,
  );
}

export class FlagRouter implements Router {
  readonly #options: FlagRouterOptions;
  readonly #watch: Watch;
  readonly #firstRead: Promise<void>;
  readonly #listeners = new Set<(flag: Flag) => void>();

  constructor(options: FlagRouterOptions, openWatch: (onValue: (flag: Flag) => void) => Watch) {
    this.#options = options;
    this.#watch = openWatch((flag) => {
      // Apart from the watch, which a listener that throws must not take down with it.
      for (const listener of this.#listeners) queueMicrotask(() => listener(flag));
    });
    // With an override nobody asks the flag, so that it works where the target cannot be reached.
    this.#firstRead = options.overrides.serving ? Promise.resolve() : this.#watch.refresh();
  }

  async serving(): Promise<Side> {
    return (await this.#flag()).serving;
  }

  async refresh(): Promise<Side> {
    if (!this.#options.overrides.serving) await this.#watch.refresh();
    return this.serving();
  }

  onChange(callback: (flag: Flag) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  async route(userId?: string): Promise<Route> {
    const { holdMs = 30_000, pipeline } = this.#options;
    const giveUpAt = performance.now() + holdMs;
    for (;;) {
      const route = routeOf(await this.#flag(), userId);
      if (route) return route;
      if (performance.now() >= giveUpAt) throw new UserMovingError(pipeline, holdMs);
      await this.#changeWithin(RETRY_MAX_MS);
    }
  }

  pools<P>(pools: PoolsBySide<P>): RoutedPools<P> {
    return new RoutedPools((userId) => this.route(userId), pools);
  }

  async run<T>(work: (side: Side) => Promise<T>, { userId, deadlineMs = 30_000 }: RunOptions = {}): Promise<T> {
    const giveUpAt = performance.now() + deadlineMs;
    for (let waitMs = RETRY_MIN_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      const { writes: side } = await this.route(userId);
      try {
        return await work(side);
      } catch (error) {
        if (!isFenced(error) || performance.now() >= giveUpAt) throw error;
      }
      await this.refresh();
      if ((await this.route(userId)).writes === side) await this.#changeWithin(waitMs);
    }
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  /** The flag with what the environment says over it. */
  async #flag(): Promise<Flag> {
    const { overrides, pipeline, maxStalenessMs = 5_000, whenStale = 'error' } = this.#options;
    if (overrides.serving) return everythingAt(overrides.serving);
    await this.#firstRead;
    // A process that stood still, or that reads seldom, has an old value and no fault: it asks before it gives up.
    if (this.#watch.ageMs > maxStalenessMs && !this.#watch.isFailing) await this.#watch.refresh();
    const { value, ageMs } = this.#watch;
    if (value?.mode === 'users') refuseLoose(value, maxStalenessMs, overrides);
    if (value && ageMs <= maxStalenessMs) return { ...value, percent: overrides.percent ?? value.percent };
    if (whenStale === 'error' || value?.mode === 'users') throw new StaleFlagError(pipeline, ageMs);
    return everythingAt(whenStale);
  }

  async #changeWithin(ms: number): Promise<void> {
    const changed = new AbortController();
    const unsubscribe = this.onChange(() => changed.abort());
    // Rejects when the flag flips, which only means that the time is up earlier.
    await sleep(ms, undefined, { signal: changed.signal }).catch(() => {});
    unsubscribe();
  }
}
