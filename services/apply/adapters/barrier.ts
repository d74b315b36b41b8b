import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn } from '../../../core/lsn.js';
import { formatPosition, type Position } from '../../../core/position.js';
import type { Claim } from './checkpoint.js';

const POLL_MS = 10;

/**
 * Where the partitions of a topic wait for each other. It stands in the target, so that it holds for partitions of
 * different processes, and a process that dies at it comes to it again.
 */
export class Barrier {
  readonly #target: ClientBase;
  readonly #claim: Claim;
  readonly #partitions: number;
  readonly #signal: AbortSignal;

  constructor(target: ClientBase, claim: Claim, options: { partitions: number; signal: AbortSignal }) {
    this.#target = target;
    this.#claim = claim;
    this.#partitions = options.partitions;
    this.#signal = options.signal;
  }

  /**
   * Call outside of a transaction, once everything before the event is committed.
   * @returns true for the one that does what the event says, once all have come; false for the others, once it has.
   */
  async pass(position: Position): Promise<boolean> {
    const { pipeline, at } = this.#claim;
    const here = [formatLsn(position.lsn), position.index];
    await this.#target.query(
      `INSERT INTO ferry.barrier (pipeline, topic, partition, lsn, index) VALUES ($1, $2, $3, $4::pg_lsn, $5::int)
       ON CONFLICT (pipeline, topic, partition) DO UPDATE SET lsn = EXCLUDED.lsn, index = EXCLUDED.index`,
      [pipeline, at.topic, at.partition, ...here],
    );
    const isFirst = at.partition === 0;
    const arrived = isFirst
      ? `SELECT count(*) = ${this.#partitions} AS passed FROM ferry.barrier`
      : 'SELECT count(*) = 1 AS passed FROM ferry.checkpoint';
    const which = `WHERE pipeline = $1 AND topic = $2 AND (lsn, index) >= ($3::pg_lsn, $4::int)`;
    const sql = `${arrived} ${which}${isFirst ? '' : ' AND partition = 0'}`;
    for (;;) {
      const { rows } = await this.#target.query<{ passed: string }>(sql, [pipeline, at.topic, ...here]);
      if (rows[0]!.passed === 't') return isFirst;
      if (this.#signal.aborted) {
        throw new FerryError(
          'connection-lost',
          `${at.topic}/${at.partition}: stopped at ${formatPosition(position)}, where it waited for other partitions`,
        );
      }
      await sleep(POLL_MS);
    }
  }
}
