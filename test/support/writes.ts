import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from '../../platform/postgres.js';
import { eventually } from './eventually.js';

const PAUSE_MS = 10;

/** An application that writes to the small tables (small-tables.ts) of the source, one transaction after the other. */
export class Writes {
  readonly #accepted: number[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #refusals = 0;

  constructor(url: string) {
    this.#done = this.#write(url);
    this.#done.catch(() => {});
  }

  /** Resolves once so many transactions have been committed. */
  async atLeast(count: number): Promise<void> {
    await eventually(() => this.#accepted.length >= count, { what: `${count} writes` });
  }

  /** Resolves once another transaction has been committed. */
  async goOn(): Promise<void> {
    await this.atLeast(this.#accepted.length + 1);
  }

  /** Resolves once the source refuses them as a fence does. */
  async refused(): Promise<void> {
    const before = this.#refusals;
    await eventually(() => this.#refusals > before, { what: 'a refused write' });
  }

  /** Transactions that were acknowledged, but of which the target lacks the order. */
  async missingIn(target: Client): Promise<number[]> {
    const { rows } = await target.query<{ note: string }>("SELECT note FROM growth.orders WHERE note LIKE 'write %'");
    const found = new Set(rows.map((row) => row.note));
    return this.#accepted.filter((n) => !found.has(`write ${n}`));
  }

  /** @throws what ended it before its time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #write(url: string): Promise<void> {
    const client = await connect('source', url, { applicationName: 'application' });
    try {
      for (let n = 1; !this.#stop.signal.aborted; n++) {
        await this.#one(client, n);
        await sleep(PAUSE_MS);
      }
    } finally {
      await client.end();
    }
  }

  async #one(client: Client, n: number): Promise<void> {
    try {
      await client.query(`BEGIN;
WITH new AS (INSERT INTO public.users (name) VALUES ('writer ${n}') RETURNING id)
INSERT INTO public.orders (user_id, note) SELECT id, 'write ${n}' FROM new;
UPDATE public.orders SET total = total + 1 WHERE id = 10 + ${n % 100};
UPDATE public.settings SET value = '{"n": ${n}}' WHERE key = 'setting ${1 + (n % 8)}';
COMMIT`);
      this.#accepted.push(n);
    } catch (error) {
      await client.query('ROLLBACK');
      if ((error as { code?: string }).code !== '40001') throw error;
      this.#refusals += 1;
    }
  }
}
