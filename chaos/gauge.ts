import { setTimeout as sleep } from 'node:timers/promises';
import { journalOf } from './special-tables.js';
import type { World } from './world.js';

const LOOK_EVERY_MS = 250;

/** Looks how far the pipeline is, so that applications work where it is. */
export class Gauge {
  readonly #world: World;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  /** The last row of `walked` that is copied. */
  copied = 0;
  /** Transactions that are not applied yet. */
  behind = 0;
  /** Transactions that are. */
  applied = 0;

  constructor(world: World) {
    this.#world = world;
    this.#done = this.#look();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // Where a server does not answer, it stays as it was.
      await this.#read().catch(() => {});
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #read(): Promise<void> {
    const written = await this.#ask('source', `SELECT max(id) AS n FROM public.${journalOf('shared')}`);
    this.applied = await this.#ask('target', 'SELECT max(id) AS n FROM shared.journal');
    this.behind = written - this.applied;
    this.copied = await this.#ask('target', 'SELECT max(id) AS n FROM slow.walked');
  }

  async #ask(side: 'source' | 'target', sql: string): Promise<number> {
    const session = await this.#world.connect(side);
    try {
      return Number((await session.query<{ n: string | null }>(sql)).rows[0]!.n ?? 0);
    } finally {
      await session.end().catch(() => {});
    }
  }
}
