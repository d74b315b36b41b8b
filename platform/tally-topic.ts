import { type Tally, tallyRecord } from '../core/ledger.js';
import type { EventLog } from './event-log/port.js';

/**
 * Counts a topic's row changes from an offset to its end.
 * @returns the offset behind the last counted record.
 */
export async function tallyTopic(log: EventLog, topic: string, from: number, tally: Tally): Promise<number> {
  for (let offset = from; ; ) {
    const records = await log.read({ topic, partition: 0, offset }, { maxBytes: 4 * 1024 * 1024, waitMs: 0 });
    if (records.length === 0) return offset;
    for (const { value } of records) tallyRecord(value, tally);
    offset = records.at(-1)!.offset + 1;
  }
}
