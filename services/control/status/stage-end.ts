import { type Lsn, maxLsn, parseLsn } from '../../../core/lsn.js';
import { RecordScanner } from '../../../core/record-scanner.js';
import type { EventLog, LogRecord, TopicPartition } from '../../../platform/event-log/port.js';
import { offsetBehind } from '../../../platform/event-log/records-end.js';

/** How far something has come along the source's WAL. */
export interface Reached {
  /** The first LSN behind the last whole transaction. */
  readonly through: Lsn;
  /** When that transaction was committed at the source, ISO 8601; null when unknown. */
  readonly time: string | null;
}

/** How far a partition of a domain topic reaches, and the offset behind its last record. */
export interface DomainEnd extends TopicPartition {
  readonly next: number;
  readonly reached: Reached | undefined;
}

export async function domainEnd(log: EventLog, at: TopicPartition): Promise<DomainEnd> {
  const last = await log.last(at);
  return { ...at, next: offsetBehind(last), reached: last && reachedIn(last) };
}

/** How far a partition reaches: the last commit in its last record. Undefined for an empty partition. */
export async function endOf(log: EventLog, at: TopicPartition): Promise<Reached | undefined> {
  const last = await log.last(at);
  return last && reachedIn(last);
}

function reachedIn({ value }: LogRecord): Reached | undefined {
  const scanner = new RecordScanner(value);
  let time: string | null = null;
  let reached: Reached | undefined;
  let inside: Reached | undefined;
  while (scanner.next()) {
    if (scanner.kind === 'transaction') {
      const line = scanner.transaction();
      time = line.time;
      // Within a large transaction: everything before its commit record is here.
      inside = { through: parseLsn(line.tx), time };
    } else if (scanner.kind === 'commit') {
      reached = { through: parseLsn(scanner.commit().end), time };
    }
  }
  if (!reached || !inside) return reached ?? inside;
  return { through: maxLsn(reached.through, inside.through), time: reached.time };
}
