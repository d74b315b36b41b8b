import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { World } from './world.js';

/** What applications may do to each other, or a server that goes down to them: the transaction is over, and the next begins. */
const EXPECTED = /^(40|57P|08|23505|23503|55P03|25006)/;

/** Works at the source, crashes or not, until it is stopped. */
export class Application {
  readonly #world: World;
  readonly #done: Promise<void>;
  readonly #stop = new AbortController();

  /** @param act one transaction, or what comes between two. */
  constructor(world: World, act: (session: Client, signal: AbortSignal) => Promise<void>) {
    this.#world = world;
    this.#done = this.#work(act);
    this.#done.catch(() => {});
  }

  /** @throws what it met that neither another application nor a fault can have caused. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #work(act: (session: Client, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    let session: Client | undefined;
    while (!signal.aborted) {
      try {
        session ??= await this.#world.connect('source');
        await act(session, signal);
      } catch (error) {
        if (await this.#isUsable(session, error)) continue;
        await session?.end().catch(() => {});
        session = undefined;
        await sleep(200);
      }
    }
    await session?.end().catch(() => {});
  }

  async #isUsable(session: Client | undefined, error: unknown): Promise<boolean> {
    const { code = '' } = error as { code?: string };
    if (this.#stop.signal.aborted || !/^[0-9A-Z]{5}$/.test(code)) return false;
    if (!EXPECTED.test(code)) throw error;
    return (
      session?.query('ROLLBACK').then(
        () => true,
        () => false,
      ) ?? false
    );
  }
}
