import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '../../routing/fence.js';
import type { Router, Side } from '../../routing/router.js';
import { type ApplicationPool, isPassing, type TransactionQuery, UnknownOutcome } from './adapters/application-pool.js';
import type { Random } from './random.js';
import { requestId } from './request-id.js';
import type { Tally } from './tally.js';
import { forgetOwnRows, type KnownRows } from './workload/known-rows.js';
import { type MixEntry, nextKind } from './workload/mix.js';
import { NAMES, type Transaction, type WhenCommitted } from './workload/transaction.js';

/** How long a transaction is tried again: longer than any write pause of a cutover. */
const GIVE_UP_MS = 30_000;
const RETRY_MS = 50;

const LOG = 'INSERT INTO activity_log (request_id, actor_id, action, detail) VALUES ($1, $2, $3, $4)';

/** What one of the application's connections draws its transactions from. */
export interface Share {
  readonly known: KnownRows;
  readonly random: Random;
}

export interface SenderOptions {
  readonly run: string;
  readonly router: Router;
  readonly pools: Readonly<Record<Side, ApplicationPool>>;
  readonly tally: Tally;
}

/** Sends transactions to whichever project serves, and keeps count of what it was told about each. */
export class Sender {
  readonly #options: SenderOptions;
  #last = 0;
  #transfers = 0;
  #unknownTransfers = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** The numbers sent so far, and the transfers among them, as the claim at the end names them. */
  get sent(): { last: number; transfers: number; unknownTransfers: number } {
    return { last: this.#last, transfers: this.#transfers, unknownTransfers: this.#unknownTransfers };
  }

  /** Draws one transaction and sends it until it is acknowledged, unanswered, or given up. */
  async send(share: Share): Promise<void> {
    const { router, tally } = this.#options;
    const entry = nextKind(share.random);
    this.#last += 1;
    const number = this.#last;
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (true) {
      try {
        const done = await router.run((side) => this.#attempt(side, { entry, number, share }), {
          deadlineMs: giveUpAt - performance.now(),
        });
        tally.committed(done.side, performance.now());
        if (entry.name === 'transfer') this.#transfers += 1;
        return done.whenCommitted();
      } catch (error) {
        if (isPassing(error) && performance.now() < giveUpAt) await sleep(RETRY_MS);
        else return this.#end({ entry, number, share }, error);
      }
    }
  }

  async #attempt(side: Side, task: Task): Promise<{ side: Side; whenCommitted: WhenCommitted }> {
    const startedAt = performance.now();
    try {
      const whenCommitted = await this.#options.pools[side].transaction(async (query) => {
        const remember = await task.entry.run(transactionOf(side, query, task.share));
        const id = requestId(this.#options.run, task.number);
        await query(LOG, [id, task.share.random.pick(task.share.known.users), task.entry.name, { n: task.number }]);
        return remember;
      });
      return { side, whenCommitted };
    } catch (error) {
      if (isFenced(error)) this.#options.tally.refused(startedAt);
      throw error;
    }
  }

  #end({ entry, number, share }: Task, error: unknown): void {
    if (error instanceof UnknownOutcome) {
      this.#options.tally.unanswered(number);
      if (entry.name === 'transfer') this.#unknownTransfers += 1;
    } else {
      this.#options.tally.gaveUp(number, `${entry.name}: ${(error as Error).message}`);
    }
    // Nobody knows now which of them are there, or one was not: the connection goes on with new ones.
    forgetOwnRows(share.known);
  }
}

interface Task {
  readonly entry: MixEntry;
  readonly number: number;
  readonly share: Share;
}

function transactionOf(side: Side, query: TransactionQuery, { known, random }: Share): Transaction {
  return {
    names: NAMES[side],
    random,
    known,
    query: async <R extends object>(sql: string, values: readonly unknown[] = []) =>
      (await query(sql, values)).rows as R[],
    changeOne: async <R extends object>(sql: string, values: readonly unknown[] = []) => {
      const { rows, rowCount } = await query(sql, values);
      if (rowCount !== 1) throw new Error(`${rowCount} rows in place of one for ${sql}`);
      return rows[0] as R;
    },
  };
}
