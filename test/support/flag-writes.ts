import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from '../../platform/postgres.js';
import type { Serving } from '../../services/control/cutover/direction.js';
import { readServing } from '../../services/control/cutover/journal.js';
import { eventually } from './eventually.js';

const PAUSE_MS = 20;
const WRITERS = 4;

/** The small tables (small-tables.ts) under the names that each side has for them. */
export const NAMES = {
  source: { users: 'public.users', orders: 'public.orders', settings: 'public.settings' },
  target: { users: 'shared.users', orders: 'growth.orders', settings: 'growth.settings' },
} as const;

/** An application that follows the flag: its sessions write one transaction after the other, each in the project that serves. */
export class FlagWrites {
  readonly #pipeline: string;
  readonly #accepted: { readonly n: number; readonly side: Serving }[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;
  #next = 1;
  /** The sessions that stand still. */
  #standing = 0;
  #held: Promise<void> | undefined;

  constructor(pipeline: string, urls: Readonly<Record<Serving, string>>) {
    this.#pipeline = pipeline;
    this.#done = Promise.all(Array.from({ length: WRITERS }, () => this.#write(urls)));
    this.#done.catch(() => this.#stop.abort());
  }

  /** Resolves once a side has committed another transaction. */
  async goOn(side: Serving): Promise<void> {
    const before = this.#accepted.length;
    await eventually(() => this.#accepted.slice(before).some((one) => one.side === side), {
      what: `a write in the ${side}`,
    });
  }

  /** Nothing is written while the work goes on. */
  async held<T>(work: () => Promise<T>): Promise<T> {
    let release!: () => void;
    this.#held = new Promise<void>((resolve) => {
      release = resolve;
    });
    try {
      await eventually(() => this.#stop.signal.aborted || this.#standing === WRITERS, {
        what: 'writers to stand still',
      });
      if (this.#stop.signal.aborted) await this.#done;
      return await work();
    } finally {
      this.#held = undefined;
      release();
    }
  }

  /** Transactions that were acknowledged, but of which a side lacks the order. */
  async missingIn(client: Client, side: Serving): Promise<number[]> {
    // Before the look: more may be accepted meanwhile.
    const accepted = this.#accepted.map(({ n }) => n);
    const sql = `SELECT note FROM ${NAMES[side].orders} WHERE note LIKE 'write %'`;
    const { rows } = await client.query<{ note: string }>(sql);
    const found = new Set(rows.map((row) => row.note));
    return accepted.filter((n) => !found.has(`write ${n}`));
  }

  /** @throws what ended it before its time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #write(urls: Readonly<Record<Serving, string>>): Promise<void> {
    const source = await connect('source', urls.source, { applicationName: 'application' });
    const target = await connect('target', urls.target, { applicationName: 'application' });
    try {
      for (let n = this.#next++; !this.#stop.signal.aborted; ) {
        const side = await readServing(target, this.#pipeline);
        if (await tryWrite({ source, target }[side], side, n)) {
          this.#accepted.push({ n, side });
          n = this.#next++;
        }
        await sleep(PAUSE_MS);
        this.#standing++;
        await this.#held;
        this.#standing--;
      }
    } finally {
      await source.end();
      await target.end();
    }
  }
}

/** @returns false when a fence refuses it. */
export async function tryWrite(client: Client, side: Serving, n: number): Promise<boolean> {
  const { users, orders, settings } = NAMES[side];
  try {
    await client.query(`BEGIN;
WITH new AS (INSERT INTO ${users} (name) VALUES ('writer ${n}') RETURNING id)
INSERT INTO ${orders} (user_id, note) SELECT id, note FROM new, unnest('{write ${n}, brief ${n}}'::text[]) note;
UPDATE ${orders} SET total = total + 1 WHERE id = 10 + ${n % 100};
DELETE FROM ${orders} WHERE note = 'brief ${n - 5}';
UPDATE ${settings} SET value = '{"n": ${n}}' WHERE key = 'setting ${1 + (n % 8)}';
UPDATE ${settings} SET key = 'turned ${n}' WHERE key = 'setting 50' OR key LIKE 'turned %';
COMMIT`);
    return true;
  } catch (error) {
    await client.query('ROLLBACK');
    if ((error as { code?: string }).code !== '40001') throw error;
    return false;
  }
}
