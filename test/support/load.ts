import type { Client } from 'pg';
import { Random } from './random.js';

/** SQL of one transaction. */
export type Transaction = (random: Random) => string;

/** What concurrent writers may do to each other: deadlock, unique, foreign key and check violations, lock timeouts. */
const EXPECTED = new Set(['40P01', '23505', '23503', '23514', '55P03']);

/** Writers that run random transactions as fast as they can, until they are stopped. */
export class Load {
  readonly #running: Promise<void>;
  #isStopped = false;
  /** Committed so far. */
  transactions = 0;

  /**
   * @param sessions one a writer.
   * @param choices each is picked as often as it is named.
   */
  constructor(sessions: readonly Client[], choices: readonly Transaction[], seed: number) {
    this.#running = Promise.all(sessions.map((session, i) => this.#write(session, choices, new Random(seed + i)))).then(
      () => {},
    );
    // Whoever stops it sees the error.
    this.#running.catch(() => {});
  }

  /** @throws what a writer met that no other writer can have caused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #write(session: Client, choices: readonly Transaction[], random: Random): Promise<void> {
    while (!this.#isStopped) {
      try {
        await session.query(`BEGIN; ${random.pick(choices)(random)}; COMMIT`);
        this.transactions += 1;
      } catch (error) {
        await session.query('ROLLBACK');
        if (!EXPECTED.has((error as { code?: string }).code ?? '')) throw error;
      }
    }
  }
}
