import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FerryError } from '../../core/errors.js';
import type { EventLog, LogRecord, TopicPartition } from './port.js';

/** A log of a test's own. */
export interface OpenedLog {
  readonly log: EventLog;
  /** Opens another handle on the same log, as another process would; the first stays open. */
  reopen(): Promise<EventLog>;
  /** Ends what the test has opened. */
  close(): Promise<void>;
}

const MEGABYTE = 1024 * 1024;

/** What every driver of the port promises. */
export function eventLogContract(name: string, open: (pipeline: string) => Promise<OpenedLog>): void {
  describe(`${name}: the contract of EventLog`, () => {
    let pipeline: string;
    let opened: OpenedLog;
    let log: EventLog;
    let raw: TopicPartition;

    beforeEach(async () => {
      pipeline = `contract-${randomBytes(5).toString('hex')}`;
      raw = { topic: `${pipeline}.raw`, partition: 0 };
      opened = await open(pipeline);
      log = opened.log;
      await log.createTopics([{ topic: raw.topic, partitions: 1 }]);
    });

    afterEach(() => opened.close());

    const append = (to: EventLog, ...texts: string[]) =>
      to.append([{ ...raw, values: texts.map((text) => Buffer.from(text)) }]);

    describe('records', () => {
      test('come back in the order of the appends, at rising offsets', async () => {
        await append(log, 'a', 'b');
        await append(log, 'c');
        const records = await readAll(log, raw);
        expect(texts(records)).toEqual(['a', 'b', 'c']);
        expect(offsets(records)).toEqual([...offsets(records)].sort((a, b) => a - b));
        expect(new Set(offsets(records)).size).toBe(3);
      });

      test('come back byte by byte: every byte value, nothing at all, 1.5 MB, 20 MB', async () => {
        const values = [
          Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
          Buffer.alloc(0),
          Buffer.from([0, 0xff, 0]),
          randomBytes(1.5 * MEGABYTE),
          Buffer.from('between'),
          randomBytes(20 * MEGABYTE),
          Buffer.from('last'),
        ];
        const [end] = await log.append([{ ...raw, values }]);
        expect(end).toBe(await log.endOffset(raw));
        const records = await readAll(log, raw);
        expect(records.map((record) => record.value.equals(values[records.indexOf(record)]!))).toEqual(
          values.map(() => true),
        );
      });

      test('of one append that is larger than a request keep their order', async () => {
        const values = Array.from({ length: 3_000 }, (_, index) => Buffer.alloc(1_200, `${index};`));
        await log.append([{ ...raw, values }]);
        const records = await readAll(log, raw);
        expect(Buffer.concat(records.map((record) => record.value)).equals(Buffer.concat(values))).toBe(true);
      });

      test('of several topics and partitions go into one append', async () => {
        const domains = ['growth', 'shared'].map((schema) => `${pipeline}.domain.${schema}`);
        await log.createTopics(domains.map((topic) => ({ topic, partitions: 2 })));
        const places = domains.flatMap((topic) => [0, 1].map((partition) => ({ topic, partition })));
        await log.append(places.map((at) => ({ ...at, values: [Buffer.from(`${at.topic}/${at.partition}`)] })));
        for (const at of places) expect(texts(await readAll(log, at))).toEqual([`${at.topic}/${at.partition}`]);
      });

      test('stay where they are when their topic is created again', async () => {
        await append(log, 'a');
        await log.createTopics([{ topic: raw.topic, partitions: 1 }]);
        expect(texts(await readAll(log, raw))).toEqual(['a']);
      });

      test('are there after the log was closed and opened again', async () => {
        await append(log, 'a', 'b');
        await log[Symbol.asyncDispose]();
        const again = await opened.reopen();
        expect(texts(await readAll(again, raw))).toEqual(['a', 'b']);
        await append(again, 'c');
        expect(texts(await readAll(again, raw))).toEqual(['a', 'b', 'c']);
      });
    });

    describe('who takes a partition over', () => {
      test('goes on behind what is there', async () => {
        expect(await log.takeOver(raw)).toBe(0);
        await append(log, 'a', 'b');
        const other = await opened.reopen();
        expect(await other.takeOver(raw)).toBe(await log.endOffset(raw));
        await append(other, 'c');
        expect(texts(await readAll(log, raw))).toEqual(['a', 'b', 'c']);
      });

      test('and is overtaken before it has appended at all is told so', async () => {
        const frozen = await opened.reopen();
        await frozen.takeOver(raw);
        await append(log, 'a');
        await expect(append(frozen, 'late')).rejects.toMatchObject({ code: 'log-regressed' });
        await frozen.takeOver(raw);
        await append(frozen, 'b');
        await expect(append(log, 'late')).rejects.toMatchObject({ code: 'log-regressed' });
      });
    });

    describe('read', () => {
      test('begins at any offset, also in the middle of an append', async () => {
        await append(log, 'a', 'b', 'c', 'd');
        const all = await readAll(log, raw);
        const from = await log.read({ ...raw, offset: all[2]!.offset }, { maxBytes: MEGABYTE, waitMs: 0 });
        expect(texts(from)).toEqual(['c', 'd']);
      });

      test('stops at the record that reaches maxBytes, but gives one at least', async () => {
        await append(log, 'x'.repeat(1_000), 'y'.repeat(1_000), 'z'.repeat(1_000));
        const first = await log.read({ ...raw, offset: 0 }, { maxBytes: 1, waitMs: 0 });
        expect(first.map((record) => record.value.length)).toEqual([1_000]);
        const some = await log.read({ ...raw, offset: 0 }, { maxBytes: 1_500, waitMs: 0 });
        expect(some.length).toBeLessThanOrEqual(2);
      });

      test('gives a record that is larger than maxBytes, from each offset up to its own', async () => {
        const values = [Buffer.from('before'), Buffer.alloc(2.5 * MEGABYTE, 7), Buffer.from('behind')];
        const [end] = await log.append([{ ...raw, values }]);
        const [before] = await log.read({ ...raw, offset: 0 }, { maxBytes: 1, waitMs: 0 });
        for (let offset = before!.offset + 1; offset < end! - 1; offset++) {
          const [record] = await log.read({ ...raw, offset }, { maxBytes: 1_000, waitMs: 0 });
          expect([record!.value.length, record!.offset]).toEqual([2.5 * MEGABYTE, end! - 2]);
        }
      });

      test('gives a record that is larger than a message as soon as it is whole, however often it was asked before', async () => {
        const reader = await opened.reopen();
        const appended = log.append([{ ...raw, values: [Buffer.alloc(6 * MEGABYTE, 7)] }]);
        const found: LogRecord[] = [];
        while (found.length === 0) {
          found.push(...(await reader.read({ ...raw, offset: 0 }, { maxBytes: 1, waitMs: 5 })));
        }
        expect(found[0]!.value.length).toBe(6 * MEGABYTE);
        await appended;
      });

      test('does not wait with waitMs 0', async () => {
        await log.read({ ...raw, offset: 0 }, { maxBytes: MEGABYTE, waitMs: 0 });
        const { result, elapsedMs } = await timed(log.read({ ...raw, offset: 0 }, { maxBytes: MEGABYTE, waitMs: 0 }));
        expect(result).toEqual([]);
        expect(elapsedMs).toBeLessThan(5_000);
      });

      test('gives nothing when nothing came within waitMs', async () => {
        const { result, elapsedMs } = await timed(log.read({ ...raw, offset: 0 }, { maxBytes: MEGABYTE, waitMs: 300 }));
        expect(result).toEqual([]);
        // Timers may fire a moment early.
        expect(elapsedMs).toBeGreaterThan(280);
      });

      test('wakes when another handle appends', async () => {
        const other = await opened.reopen();
        const waiting = timed(log.read({ ...raw, offset: 0 }, { maxBytes: MEGABYTE, waitMs: 30_000 }));
        await append(other, 'news');
        const { result, elapsedMs } = await waiting;
        expect(texts(result)).toEqual(['news']);
        expect(elapsedMs).toBeLessThan(10_000);
      });

      test('holds up neither another read of the partition nor an append', async () => {
        await append(log, 'a');
        const end = await log.endOffset(raw);
        const waiting = log.read({ ...raw, offset: end }, { maxBytes: MEGABYTE, waitMs: 30_000 });
        const { elapsedMs } = await timed(log.read({ ...raw, offset: 0 }, { maxBytes: MEGABYTE, waitMs: 0 }));
        expect(elapsedMs).toBeLessThan(5_000);
        await append(log, 'b');
        expect(texts(await waiting)).toEqual(['b']);
      });

      test('ends with nothing soon after its signal fires', async () => {
        const stop = new AbortController();
        const waiting = timed(
          log.read({ ...raw, offset: 0 }, { maxBytes: MEGABYTE, waitMs: 30_000, signal: stop.signal }),
        );
        setTimeout(() => stop.abort(), 200);
        const { result, elapsedMs } = await waiting;
        expect(result).toEqual([]);
        expect(elapsedMs).toBeLessThan(2_000);
        await append(log, 'a');
        expect(texts(await readAll(log, raw))).toEqual(['a']);
      });

      test('gives nothing when its signal had fired before', async () => {
        const options = { maxBytes: MEGABYTE, waitMs: 30_000, signal: AbortSignal.abort() };
        expect(await log.read({ ...raw, offset: 0 }, options)).toEqual([]);
      });
    });

    describe('the end of a partition', () => {
      test('is 0, with no last record, when it is empty', async () => {
        expect(await log.endOffset(raw)).toBe(0);
        expect(await log.last(raw)).toBeUndefined();
        expect(await log.startOffset(raw)).toBe(0);
      });

      test('is behind the last record', async () => {
        await append(log, 'a', 'b', 'c');
        const last = await log.last(raw);
        expect(last?.value.toString()).toBe('c');
        expect(await log.endOffset(raw)).toBe(last!.offset + 1);
      });

      test('is behind the last record, also where that is larger than a message', async () => {
        await log.append([{ ...raw, values: [Buffer.from('a'), Buffer.alloc(2 * MEGABYTE, 7)] }]);
        const last = await log.last(raw);
        expect(last?.value.length).toBe(2 * MEGABYTE);
        expect(await log.endOffset(raw)).toBe(last!.offset + 1);
      });

      test('is seen by every handle once an append has resolved', async () => {
        const other = await opened.reopen();
        for (const text of ['a', 'b', 'c']) {
          await append(log, text);
          expect((await other.last(raw))?.value.toString()).toBe(text);
        }
      });
    });

    describe('a second writer', () => {
      // Whether the first writer's late records are in the log is not promised: a driver may notice before or after.
      test("makes the first one's next append fail with log-regressed, and its own records stay", async () => {
        await append(log, 'first');
        const second = await opened.reopen();
        await append(second, 'second');
        await expect(append(log, 'late')).rejects.toMatchObject({
          code: 'log-regressed',
        } satisfies Partial<FerryError>);
        expect(texts(await readAll(second, raw)).slice(0, 2)).toEqual(['first', 'second']);
      });

      test('of the dead-letter topic is no error', async () => {
        const at = { topic: `${pipeline}.dead-letter`, partition: 0 };
        await log.createTopics([{ topic: at.topic, partitions: 1 }]);
        const second = await opened.reopen();
        const handles = [log, second, log, second];
        for (const [index, handle] of handles.entries()) {
          await handle.append([{ ...at, values: [Buffer.from(String(index))] }]);
        }
        expect(texts(await readAll(log, at))).toEqual(['0', '1', '2', '3']);
      });
    });

    describe('deleting topics', () => {
      test('takes all that is in them, and leaves the others', async () => {
        const [kept, gone] = ['kept', 'gone'].map((name) => ({ topic: `${pipeline}.domain.${name}`, partition: 0 }));
        const topics = [kept!, gone!].map(({ topic }) => ({ topic, partitions: 1 }));
        await log.createTopics(topics);
        await log.append([kept!, gone!].map((at) => ({ ...at, values: [Buffer.from('x'), Buffer.from('y')] })));
        await log.deleteTopics([gone!.topic, `${pipeline}.domain.never`]);
        const other = await opened.reopen();
        await other.createTopics(topics);
        expect(await other.endOffset(gone!)).toBe(0);
        expect(texts(await readAll(other, kept!))).toEqual(['x', 'y']);
      });
    });

    describe('control', () => {
      test('gives undefined for a key that nobody put', async () => {
        expect(await log.control.get('nothing')).toBeUndefined();
        expect(await log.control.entries('')).toEqual(new Map());
      });

      test('keeps the newest value of a key', async () => {
        const value = { state: 'streaming', lag: { bytes: 12, seconds: null }, tables: ['ä', '\u0000'] };
        await log.control.put('capture', { state: 'snapshot' });
        await log.control.put('capture', value);
        expect(await log.control.get('capture')).toEqual(value);
      });

      test('lists the keys of a prefix', async () => {
        for (const key of ['table/b', 'table/a', 'tables', 'order/x']) await log.control.put(key, key);
        const found = await log.control.entries('table/');
        expect([...found]).toEqual([
          ['table/a', 'table/a'],
          ['table/b', 'table/b'],
        ]);
      });

      test('is one state for all handles; the last put wins', async () => {
        const other = await opened.reopen();
        await log.control.put('flag', 1);
        expect(await other.control.get('flag')).toBe(1);
        await other.control.put('flag', 2);
        expect(await log.control.get('flag')).toBe(2);
        await Promise.all([log.control.put('flag', 3), other.control.put('flag', 3), log.control.put('else', 4)]);
        expect(await other.control.entries('')).toEqual(new Map([...(await log.control.entries(''))]));
        expect(await other.control.get('else')).toBe(4);
      });

      test('is there after the log was closed and opened again', async () => {
        await log.control.put('k', { n: 1 });
        await log[Symbol.asyncDispose]();
        expect(await (await opened.reopen()).control.get('k')).toEqual({ n: 1 });
      });
    });
  });
}

/** Everything from the beginning up to the end that stands now. */
async function readAll(log: EventLog, at: TopicPartition): Promise<LogRecord[]> {
  const end = await log.endOffset(at);
  const records: LogRecord[] = [];
  for (let offset = 0; offset < end; offset = records.at(-1)!.offset + 1) {
    const more = await log.read({ ...at, offset }, { maxBytes: MEGABYTE, waitMs: 5_000 });
    if (more.length === 0) throw new Error(`nothing at ${offset} of ${at.topic}, although it ends at ${end}`);
    records.push(...more);
  }
  return records;
}

async function timed<T>(work: Promise<T>): Promise<{ result: T; elapsedMs: number }> {
  const start = performance.now();
  return { result: await work, elapsedMs: performance.now() - start };
}

const texts = (records: readonly LogRecord[]) => records.map((record) => record.value.toString());
const offsets = (records: readonly LogRecord[]) => records.map((record) => record.offset);
