import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatPosition, type Position } from '../../../core/position.js';
import type { Claim } from './checkpoint.js';
import { isTablePast } from './table-state.js';

const POLL_MS = 10;

/** As {@link Barrier}, for the partitions of one table that catches up: their places say who has come how far. */
export class TableBarrier {
  readonly #target: ClientBase;
  readonly #claim: Claim;
  readonly #source: string;
  readonly #partitions: number;
  readonly #signal: AbortSignal;

  constructor(target: ClientBase, claim: Claim, source: string, options: { partitions: number; signal: AbortSignal }) {
    this.#target = target;
    this.#claim = claim;
    this.#source = source;
    this.#partitions = options.partitions;
    this.#signal = options.signal;
  }

  /**
   * Call outside of a transaction, once everything before the event is committed.
   * @returns true for the first partition, once all have come; false for the others, once it has done it.
   */
  async pass(position: Position): Promise<boolean> {
    const { partition } = this.#claim.at;
    const isFirst = partition === 0;
    const others = isFirst ? Array.from({ length: this.#partitions - 1 }, (_, i) => i + 1) : [0];
    const reached = isFirst ? { ...position, index: position.index - 1 } : position;
    for (const other of others) {
      while (!(await isTablePast(this.#target, this.#claim, this.#source, other, reached))) {
        if (this.#signal.aborted) {
          throw new FerryError(
            'connection-lost',
            `${this.#source}: stopped at ${formatPosition(position)}, where it waited for other partitions`,
          );
        }
        await sleep(POLL_MS);
      }
    }
    return isFirst;
  }
}
