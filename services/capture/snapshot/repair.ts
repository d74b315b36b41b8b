import type pg from 'pg';
import { sourceName } from '../../../core/relation.js';
import type { RepairRow } from '../../../core/repair-order.js';
import type { Logger } from '../../../platform/logger.js';
import { endSession } from '../../../platform/postgres.js';
import type { TablePlan } from './chunk.js';
import { type CopyOptions, copyChunk } from './snapshot-loop.js';

/** Rows of one table that are read again beside the stream. */
export interface Repair {
  readonly plan: TablePlan;
  readonly rows: readonly RepairRow[];
  /** Of when it was ordered: a repair is over with the next marker, and with the next copy of its table. */
  readonly copy: number;
  readonly era: number;
}

/** Repairs in the order in which the stream brought them. */
export class RepairQueue {
  readonly #waiting: Repair[] = [];
  #wake = () => {};

  join(repair: Repair): void {
    this.#waiting.push(repair);
    this.#wake();
  }

  take(): Repair | undefined {
    return this.#waiting.shift();
  }

  /** Resolves when one may have joined. */
  joined(): Promise<void> {
    if (this.#waiting.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/**
 * Reads the rows of repairs between watermarks, one repair after the other, until the signal fires. One that is lost in
 * a crash is ordered again by whoever waits for it.
 */
export async function repairRows(queue: RepairQueue, options: CopyOptions, logger: Logger): Promise<void> {
  while (!options.signal.aborted) {
    let client: pg.Client | undefined;
    try {
      for (let repair = queue.take(); repair && !options.signal.aborted; repair = queue.take()) {
        client ??= await options.connect();
        await readRows(client, repair, options, logger);
      }
    } finally {
      if (client) await endSession(client);
    }
    await Promise.race([queue.joined(), options.aborted]);
  }
}

async function readRows(client: pg.Client, repair: Repair, given: CopyOptions, logger: Logger): Promise<void> {
  const { plan, copy, era } = repair;
  const options = { ...given, copy };
  let waiting = repair.rows;
  let atOnce = waiting.length;
  while (waiting.length > 0) {
    const rows = waiting.slice(0, atOnce);
    const extra = rows.filter(({ isExtra }) => isExtra).map(({ key }) => key);
    try {
      const chunk = await copyChunk(client, plan, { keys: rows.map(({ key }) => key) }, options, {
        repair: { era, extra },
      });
      if (!chunk) return;
      // What was cut off is read again with fewer at once; what came before is right already.
      if (chunk.isCut && rows.length > 1) atOnce = Math.ceil(rows.length / 2);
      else waiting = waiting.slice(rows.length);
    } catch (error) {
      if (!/^22/.test((error as { code?: string }).code ?? '')) throw error;
      const table = sourceName(plan.relation);
      return logger.warn({ table }, `rows of ${table} are not repaired: ${(error as Error).message}`);
    }
  }
}
