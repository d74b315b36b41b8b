import type { EventLog, LogRecord, TopicPartition } from './port.js';

/**
 * The offset behind a partition's last record. Its end may lie further: what a writer left of a record that never became
 * whole is none, and who waits to have read that may wait for ever.
 */
export async function recordsEnd(log: EventLog, at: TopicPartition): Promise<number> {
  return offsetBehind(await log.last(at));
}

/** @param last undefined of an empty partition. */
export function offsetBehind(last: LogRecord | undefined): number {
  return (last?.offset ?? -1) + 1;
}
