import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../test/support/random.js';
import { Application } from './application.js';
import { changer } from './changer.js';
import { Gauge } from './gauge.js';
import { randomTransaction } from './transactions.js';
import { walker } from './walker.js';
import type { World } from './world.js';

const WRITERS = 3;
/** Of each writer between its transactions. */
const PAUSE_MS = 30;
/** Transactions that the pipeline may be behind, on a slow machine too: what comes later would only meet a longer queue. */
const MOST_BEHIND = 300;

/** All applications of the source. */
export class Writers {
  readonly #applications: readonly Application[];
  readonly #gauge: Gauge;
  /** Committed and acknowledged. */
  transactions = 0;

  /** @param said told what was done that is no random transaction. */
  constructor(world: World, seed: number, said: (what: string) => void) {
    this.#gauge = new Gauge(world);
    const writers = Array.from({ length: WRITERS }, (_, i) => this.#writer(world, new Random(seed * 100 + i)));
    this.#applications = [
      ...writers,
      walker(world, new Random(seed * 100 + WRITERS), this.#gauge),
      changer(world, new Random(seed * 100 + WRITERS + 1), () => said('change columns')),
    ];
  }

  /** Transactions that have come to the target. */
  get applied(): number {
    return this.#gauge.applied;
  }

  /** @throws what one of them met that nothing of the run can have caused. */
  async stop(): Promise<void> {
    await Promise.all([...this.#applications, this.#gauge].map((one) => one.stop()));
  }

  #writer(world: World, random: Random): Application {
    return new Application(world, async (session, signal) => {
      while (this.#gauge.behind > MOST_BEHIND && !signal.aborted) await sleep(PAUSE_MS);
      await session.query(`BEGIN; ${randomTransaction(world.tables, random)}; COMMIT`);
      this.transactions += 1;
      await sleep(PAUSE_MS);
    });
  }
}
