import { type Tally, tallyRecord } from '../core/ledger.js';
import { isAfter, POSITION_ZERO, type Position } from '../core/position.js';
import { type RecordSpan, readSpan } from '../core/record-scanner.js';
import type { EventLog, TopicPartition } from './event-log/port.js';

export interface CountedPartition {
  /** The offset behind the record of the highest position: who goes on from there knows from that record what only repeats. */
  readonly next: number;
  /** The highest position in the partition; undefined for an empty one. A late append may have put a lower one behind it. */
  readonly end: { readonly position: Position; readonly complete: boolean } | undefined;
}

/**
 * Counts a partition's row changes from an offset to its end, each position once.
 * @param visit is given each record, with the position up to which it only repeats what was there before.
 */
export async function tallyPartition(
  log: EventLog,
  at: TopicPartition,
  from: number,
  tally: Tally,
  visit: (record: Buffer, after: Position) => void = () => {},
): Promise<CountedPartition> {
  let end = await spanBefore(log, at, from);
  let next = from;
  for (let offset = from; ; ) {
    const records = await log.read({ ...at, offset }, { maxBytes: 4 * 1024 * 1024, waitMs: 0 });
    if (records.length === 0) {
      return { next, end: end && { position: end.last, complete: end.complete } };
    }
    for (const { value, offset: own } of records) {
      const after = end?.last ?? POSITION_ZERO;
      const span = tallyRecord(value, tally, after);
      visit(value, after);
      if (end && !isAfter(span.last, end.last)) continue;
      end = span;
      next = own + 1;
    }
    offset = records.at(-1)!.offset + 1;
  }
}

/** The span of the last record before an offset, or of the partition's last one where it ends before that. */
export async function spanBefore(log: EventLog, at: TopicPartition, offset: number): Promise<RecordSpan | undefined> {
  if (offset === 0) return undefined;
  const [next] = await log.read({ ...at, offset: offset - 1 }, { maxBytes: 1, waitMs: 0 });
  const record = next ?? (await log.last(at));
  return record && record.offset < offset ? readSpan(record.value) : undefined;
}
