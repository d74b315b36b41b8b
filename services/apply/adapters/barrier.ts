import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn } from '../../../core/lsn.js';
import { formatPosition, justBefore, type Position } from '../../../core/position.js';
import type { Logger } from '../../../platform/logger.js';
import type { StopReason } from '../schema-policy.js';
import type { Claim } from './checkpoint.js';

const POLL_MS = 10;

/** An event that every partition of a topic has. */
export interface SharedEvent {
  readonly position: Position;
  /** Source tables that it is about, as table_state has them; none for what is about the partitions themselves. */
  readonly sources: readonly string[];
}

/**
 * How far partitions have come with tables: a table that stands or catches up to where it stands, all others with the
 * checkpoint. Both are in the target, so that it holds for partitions of different processes.
 */
const BEHIND = `
WITH place AS (
  SELECT p.partition, s.source_table, s.state,
         coalesce(CASE WHEN s.state <> 'running' THEN (s.stopped_lsn, s.stopped_index) >= ($5::pg_lsn, $6::numeric)
                       ELSE (c.lsn, c.index) >= ($5::pg_lsn, $6::numeric) END, false) AS has_come
    FROM unnest($3::int[]) AS p (partition) CROSS JOIN unnest($4::text[]) AS t (source)
    LEFT JOIN ferry.checkpoint c ON c.pipeline = $1 AND c.topic = $2 AND c.partition = p.partition
    LEFT JOIN ferry.table_state s ON s.pipeline = $1 AND s.source_table = t.source AND s.partition = p.partition
)
SELECT string_agg(DISTINCT partition::text, ', ') AS behind,
       min(source_table) FILTER (WHERE state IN ('paused', 'halted')) AS stands
  FROM place WHERE NOT has_come`;

/** What others come to so late is worth a word: they may stand. */
const LONG_MS = 30_000;

/** A table that stands in another partition, ahead of an event: here, too, it cannot come past it. */
export class TableStandsElsewhere extends Error {
  readonly source: string;
  readonly reason: StopReason;

  constructor(source: string, { position }: SharedEvent) {
    super(`${source} stands in another partition, ahead of ${formatPosition(position)}, which all have`);
    this.source = source;
    this.reason = {
      kind: 'refused',
      message: this.message,
      remedy: `See to why it stands there, then ferry table resume ${source}.`,
    };
  }
}

/** No table has this name: a partition's own place counts. */
const NO_TABLE = '';

/** Where the partitions of a topic wait for each other. Who dies at it comes to it again. */
export class Barrier {
  readonly #target: ClientBase;
  readonly #claim: Claim;
  readonly #partitions: number;
  readonly #signal: AbortSignal;
  readonly #logger: Logger;

  constructor(
    target: ClientBase,
    claim: Claim,
    options: { readonly partitions: number; readonly signal: AbortSignal; readonly logger: Logger },
  ) {
    this.#target = target;
    this.#claim = claim;
    this.#partitions = options.partitions;
    this.#signal = options.signal;
    this.#logger = options.logger;
  }

  /**
   * Call outside of a transaction, once everything before the event is committed: that is how others know of us.
   * @returns true for the first partition, which does what the event says, once all have come; false for the others,
   *   once it has.
   * @throws TableStandsElsewhere; FerryError `connection-lost` when the signal fires.
   */
  async pass(event: SharedEvent): Promise<boolean> {
    const { position, sources } = event;
    const { pipeline, at } = this.#claim;
    const isFirst = at.partition === 0;
    const others = isFirst ? Array.from({ length: this.#partitions - 1 }, (_, i) => i + 1) : [0];
    const { lsn, index } = isFirst ? justBefore(position) : position;
    const tables = sources.length > 0 ? sources : [NO_TABLE];
    const parameters = [pipeline, at.topic, others, tables, formatLsn(lsn), index];
    let since: number | undefined = performance.now();
    for (;;) {
      const { rows } = await this.#target.query<Record<'behind' | 'stands', string | null>>(BEHIND, parameters);
      const { behind, stands } = rows[0]!;
      if (behind === null) return isFirst;
      if (stands !== null) throw new TableStandsElsewhere(stands, event);
      if (since !== undefined && performance.now() - since > LONG_MS) {
        since = undefined;
        const place = `${at.topic}/${at.partition} waits at ${formatPosition(position)}`;
        this.#logger.warn({ ...at, sources }, `${place}, which all partitions have, for ${behind}`);
      }
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
