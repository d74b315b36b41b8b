import { expect, test } from 'vitest';
import { formatLsn, type Lsn } from '../core/lsn.js';
import { CAPTURE_STATE, transformStateKey } from '../core/stage-state.js';
import { partitionName, topicsOf } from '../core/topics.js';
import type { LogRecord, ReadOptions, TopicPartition } from '../platform/event-log/port.js';
import { recover as recoverCapture } from '../services/capture/recover.js';
import { recover as recoverTransform } from '../services/transform/recover.js';
import { MemoryLog } from './support/memory-log.js';
import { RecordBuilder, relationOf } from './support/record-builder.js';

const users = relationOf(1, 'public.users', ['id', 'name']);
const RECORDS = 200_000_000;
const topics = topicsOf('p', 1);

/** A log as long as years of history: what it holds at an offset is made when it is read. */
class EndlessLog extends MemoryLog {
  reads = 0;
  recordsRead = 0;

  override async read(from: TopicPartition & { offset: number }, { maxBytes }: ReadOptions): Promise<LogRecord[]> {
    this.reads++;
    const found: LogRecord[] = [];
    for (let offset = from.offset, bytes = 0; offset < RECORDS && (bytes === 0 || bytes < maxBytes); offset++) {
      const value = recordAt(offset);
      bytes += value.length;
      found.push({ offset, value });
    }
    this.recordsRead += found.length;
    return found;
  }

  override async endOffset(): Promise<number> {
    return RECORDS;
  }

  override async last(): Promise<LogRecord> {
    return { offset: RECORDS - 1, value: recordAt(RECORDS - 1) };
  }
}

const lsnAt = (offset: number) => (BigInt(offset + 1) * 0x100n) as Lsn;

function recordAt(offset: number): Buffer {
  const [record] = new RecordBuilder()
    .relation(users)
    .begin(formatLsn(lsnAt(offset)))
    .row(1, 'c', { new: [String(offset), 'x'] })
    .commit(formatLsn((lsnAt(offset) + 0x30n) as Lsn))
    .take();
  return record!;
}

/** What a second of work leaves between the state that was put down and the end. */
const BEHIND = 1_000;

test('capture starts behind 200 million records as behind few', async () => {
  const log = new EndlessLog();
  await log.control.put(CAPTURE_STATE, {
    next: { [partitionName({ topic: topics.raw, partition: 0 })]: RECORDS - BEHIND },
    through: formatLsn(lsnAt(RECORDS - BEHIND)),
    time: null,
    read: { 'public.users': RECORDS - BEHIND },
    deduplicated: {},
    captured: { 'public.users': RECORDS - BEHIND },
    tables: {},
  });
  const { resume, tallies } = await recoverCapture(log, topics.raw, 1);
  expect(resume[0]!.position.lsn).toBe(lsnAt(RECORDS - 1));
  expect(tallies.captured.get('public.users')).toBe(RECORDS);
  expect(log.recordsRead).toBeLessThan(BEHIND + 100);
});

test('transform finds its place in 200 million records by a few looks', async () => {
  const log = new EndlessLog();
  await log.control.put(transformStateKey(0, 1), {
    next: { [partitionName({ topic: topics.domain('shared'), partition: 0 })]: RECORDS - BEHIND },
    through: formatLsn(lsnAt(RECORDS - BEHIND)),
    time: null,
    taken: {},
    filtered: {},
    transformed: { 'public.users': RECORDS - BEHIND },
  });
  const { rawOffset, tallies } = await recoverTransform(log, topics, ['shared'], 0);
  expect(rawOffset).toBe(RECORDS);
  expect(tallies.transformed.get('public.users')).toBe(RECORDS);
  expect(log.recordsRead).toBeLessThan(BEHIND + 100);
  // Twice the history is one look more.
  expect(log.reads).toBeLessThan(Math.log2(RECORDS) + 10);
});
