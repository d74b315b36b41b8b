import type { Route, Side } from './rollout.js';

/** The pools of both projects: `pg.Pool`s, or whatever else an application takes its connections from. */
export type PoolsBySide<P> = Readonly<Record<Side, P>>;

/** Gives the pool for a user's statements. */
export class RoutedPools<P> {
  readonly #route: (userId?: string) => Promise<Route>;
  readonly #pools: PoolsBySide<P>;

  constructor(route: (userId?: string) => Promise<Route>, pools: PoolsBySide<P>) {
    this.#route = route;
    this.#pools = pools;
  }

  /** For statements that only read. Without a user each call is drawn by lot. */
  async reads(userId?: string): Promise<P> {
    return this.#pools[(await this.#route(userId)).reads];
  }

  /** For transactions that write. Only `Router.run` carries them over the pause of a cutover. */
  async writes(userId?: string): Promise<P> {
    return this.#pools[(await this.#route(userId)).writes];
  }
}
