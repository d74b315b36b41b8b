import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '../../routing/fence.js';
import type { Router, Side } from '../../routing/router.js';
import { type ApplicationPool, isPassing, UnknownOutcome } from './adapters/application-pool.js';
import { type Draft, type Share, TRANSFER, type WhenCommitted } from './application.js';
import { requestId } from './request-id.js';
import type { Tally } from './tally.js';

/** How long a transaction is tried again: longer than any write pause of a cutover. */
const GIVE_UP_MS = 30_000;
const RETRY_MS = 50;

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
    const draft = share.draw();
    this.#last += 1;
    const number = this.#last;
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (true) {
      try {
        const done = await router.run((side) => this.#attempt(side, { draft, number }), {
          deadlineMs: giveUpAt - performance.now(),
        });
        tally.committed(done.side, performance.now());
        if (draft.kind === TRANSFER) this.#transfers += 1;
        return done.whenCommitted();
      } catch (error) {
        if (isPassing(error) && performance.now() < giveUpAt) await sleep(RETRY_MS);
        else {
          // Nobody knows now which of them are there, or one was not: the connection goes on with new ones.
          share.forgetOwnRows();
          return this.#end({ draft, number }, error);
        }
      }
    }
  }

  async #attempt(side: Side, { draft, number }: Task): Promise<{ side: Side; whenCommitted: WhenCommitted }> {
    const startedAt = performance.now();
    try {
      const request = { id: requestId(this.#options.run, number), number };
      const whenCommitted = await this.#options.pools[side].transaction((query) => draft.run(side, query, request));
      return { side, whenCommitted };
    } catch (error) {
      if (isFenced(error)) this.#options.tally.refused(startedAt);
      throw error;
    }
  }

  #end({ draft, number }: Task, error: unknown): void {
    if (error instanceof UnknownOutcome) {
      this.#options.tally.unanswered(number);
      if (draft.kind === TRANSFER) this.#unknownTransfers += 1;
    } else {
      this.#options.tally.gaveUp(number, `${draft.kind}: ${(error as Error).message}`);
    }
  }
}

interface Task {
  readonly draft: Draft;
  readonly number: number;
}
