import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { Random } from '../test/support/random.js';
import { randomTransaction } from './transactions.js';
import type { World } from './world.js';

const WRITERS = 3;
/** Of each writer between its transactions: what the pipeline can work off between two faults. */
const PAUSE_MS = 20;

/** What writers may do to each other, or a server that goes down to them: the transaction is over, and the next begins. */
const EXPECTED = /^(40|57P|08|23505|23503|55P03|25006)/;

/** Applications that write to the source, crashes or not, until they are stopped. */
export class Writers {
  readonly #world: World;
  readonly #done: Promise<void>;
  #isStopped = false;
  /** Committed and acknowledged. */
  transactions = 0;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#done = Promise.all(Array.from({ length: WRITERS }, (_, i) => this.#write(new Random(seed * 100 + i)))).then(
      () => {},
    );
    this.#done.catch(() => {});
  }

  /** @throws what a writer met that neither another writer nor a fault can have caused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #write(random: Random): Promise<void> {
    let session: Client | undefined;
    while (!this.#isStopped) {
      try {
        session ??= await this.#world.connect('source');
        await session.query(`BEGIN; ${randomTransaction(this.#world.tables, random)}; COMMIT`);
        this.transactions += 1;
        await sleep(PAUSE_MS);
      } catch (error) {
        const { code = '' } = error as { code?: string };
        const isServers = /^[0-9A-Z]{5}$/.test(code);
        if (isServers && !EXPECTED.test(code)) throw error;
        const isUsable =
          isServers &&
          (await session?.query('ROLLBACK').then(
            () => true,
            () => false,
          ));
        if (isUsable) continue;
        await session?.end().catch(() => {});
        session = undefined;
        await sleep(200);
      }
    }
    await session?.end().catch(() => {});
  }
}
