import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';

const EVERY_MS = 20;

/**
 * Commits a row each moment and sees when it is visible in the target. Its table, made by {@link VISIBILITY_SQL}, is
 * mapped as any other.
 */
export class VisibilityProbe {
  readonly #running: Promise<unknown>;
  /** Row -> when its commit returned; those that are visible are taken out. */
  readonly #committed = new Map<number, number>();
  #isStopped = false;
  #longestMs = 0;
  /** Rows seen so far. */
  seen = 0;

  /** @param table where the rows come to in the target, quoted. */
  constructor(sessions: { readonly source: Client; readonly target: Client }, table: string) {
    this.#running = Promise.all([this.#write(sessions.source), this.#watch(sessions.target, table)]);
    this.#running.catch(() => {});
  }

  /** The longest time from commit to visible since it was asked for last, in ms; what is on its way counts too. */
  takeLongestMs(): number {
    const now = performance.now();
    const longest = Math.max(this.#longestMs, ...[...this.#committed.values()].map((at) => now - at));
    this.#longestMs = 0;
    return longest;
  }

  /** @throws what either session met. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #write(source: Client): Promise<void> {
    for (let id = 1; !this.#isStopped; id++) {
      await source.query('INSERT INTO public.visibility VALUES ($1)', [id]);
      this.#committed.set(id, performance.now());
      await sleep(EVERY_MS);
    }
  }

  async #watch(target: Client, table: string): Promise<void> {
    while (!this.#isStopped) {
      const { rows } = await target.query<{ id: string | null }>(`SELECT pg_catalog.max(id) AS id FROM ${table}`);
      const now = performance.now();
      const newest = Number(rows[0]!.id ?? 0);
      for (const [id, at] of this.#committed) {
        if (id > newest) break;
        this.#committed.delete(id);
        this.seen += 1;
        this.#longestMs = Math.max(this.#longestMs, now - at);
      }
      await sleep(EVERY_MS);
    }
  }
}

export const VISIBILITY_SQL = 'CREATE TABLE public.visibility (id bigint PRIMARY KEY)';
