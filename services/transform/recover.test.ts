import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLsn, LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { isAfter, POSITION_ZERO, type Position } from '../../core/position.js';
import { readSpan } from '../../core/record-scanner.js';
import { transformStateKey } from '../../core/stage-state.js';
import { topicsOf } from '../../core/topics.js';
import { MemoryLog } from '../../test/support/memory-log.js';
import { RecordBuilder, relationOf, TIME } from '../../test/support/record-builder.js';
import { firstAfter, recover } from './recover.js';

const topics = topicsOf('p', 1);
const users = relationOf(1, 'public.users', ['id']);
const people = relationOf(1, 'shared.people', ['id'], { source: 'public.users' });
const at = (lsn: string, index: number): Position => ({ lsn: parseLsn(lsn), index });

/** A record of each event: transactions 0x100, 0x200 ... of so many events and a commit each. */
function recordsOf(transactions: readonly number[], relation = users): Buffer[] {
  const builder = new RecordBuilder(1).relation(relation);
  for (const [i, events] of transactions.entries()) {
    builder.begin(formatLsn(BigInt(0x100 * (i + 1)) as Lsn));
    for (let n = 0; n < events; n++) builder.row(1, 'c', { new: [String(n)] });
    builder.commit();
  }
  return builder.take();
}

describe('firstAfter', () => {
  const RAW = { topic: topics.raw, partition: 0 };
  const logOf = (records: readonly Buffer[], gap = 0) => {
    const log = new MemoryLog({ gap });
    log.put(topics.raw, records);
    return log;
  };

  test('is 0 in an empty log, and before everything', async () => {
    expect(await firstAfter(logOf([]), RAW, POSITION_ZERO)).toBe(0);
    expect(await firstAfter(logOf(recordsOf([1, 1])), RAW, POSITION_ZERO)).toBe(0);
  });

  test('is the end behind everything', async () => {
    expect(await firstAfter(logOf(recordsOf([1, 1])), RAW, at('0/200', 1))).toBe(4);
    expect(await firstAfter(logOf(recordsOf([1, 1])), RAW, at('F/0', 0))).toBe(4);
  });

  test('is a record that reaches behind the position, though it begins before it', async () => {
    const builder = new RecordBuilder()
      .relation(users)
      .begin('0/100')
      .row(1, 'c', { new: ['1'] });
    const records = [
      ...builder.take(),
      ...builder
        .row(1, 'c', { new: ['2'] })
        .row(1, 'c', { new: ['3'] })
        .take(),
    ];
    expect(readSpan(records[1]!)).toMatchObject({ first: at('0/100', 1), last: at('0/100', 2) });
    expect(await firstAfter(logOf(records), RAW, at('0/100', 1))).toBe(1);
  });

  test('finds what a look at every record finds, with gaps in the offsets too', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 3 }), { maxLength: 12 }),
        fc.nat({ max: 0xe00 }),
        fc.nat({ max: 4 }),
        fc.constantFrom(0, 1, 5),
        async (transactions, lsn, index, gap) => {
          const log = logOf(recordsOf(transactions), gap);
          const position = { lsn: BigInt(lsn) as Lsn, index };
          const found = await firstAfter(log, RAW, position);
          const expected = log.records(topics.raw).find(({ value }) => isAfter(readSpan(value).last, position));
          // Any offset is as good as another that leads to the same first record.
          expect(
            (await log.read({ topic: topics.raw, partition: 0, offset: found }, { maxBytes: 1, waitMs: 0 }))[0],
          ).toBe(expected);
        },
      ),
    );
  });

  test('reads few records of a long log', async () => {
    class CountingLog extends MemoryLog {
      reads = 0;
      override read(...of: Parameters<MemoryLog['read']>) {
        this.reads++;
        return super.read(...of);
      }
    }
    const log = new CountingLog();
    log.put(topics.raw, recordsOf(Array.from({ length: 500 }, () => 1)));
    expect(await firstAfter(log, RAW, at('0/F000', 1))).toBe(480);
    expect(log.reads).toBeLessThanOrEqual(10);
  });
});

describe('recover', () => {
  test('begins at nothing with empty topics', async () => {
    expect(await recover(new MemoryLog(), topics, ['growth', 'shared'], 0)).toEqual({
      rawOffset: 0,
      countedBefore: 0,
      countedThrough: POSITION_ZERO,
      rawEnd: POSITION_ZERO,
      ends: new Map([
        ['growth', { position: POSITION_ZERO, complete: true }],
        ['shared', { position: POSITION_ZERO, complete: true }],
      ]),
      next: new Map([
        ['p.domain.growth/0', 0],
        ['p.domain.shared/0', 0],
      ]),
      tallies: { taken: new Map(), filtered: new Map(), transformed: new Map() },
      through: LSN_ZERO,
      time: null,
    });
  });

  test('goes on where the domain that is furthest behind ends', async () => {
    const log = new MemoryLog();
    log.put(topics.raw, recordsOf([1, 2, 1]));
    log.put(topics.domain('shared'), recordsOf([1, 2, 1], people));
    log.put(topics.domain('growth'), recordsOf([1, 2], people).slice(0, 3));
    const found = await recover(log, topics, ['growth', 'shared'], 0);
    expect(found.ends).toEqual(
      new Map([
        ['growth', { position: at('0/200', 0), complete: false }],
        ['shared', { position: at('0/300', 1), complete: true }],
      ]),
    );
    // Read from the start: without a state, what was filtered is not counted.
    expect(found).toMatchObject({ rawOffset: 0, countedBefore: 0 });
    expect(found.next).toEqual(
      new Map([
        ['p.domain.growth/0', 3],
        ['p.domain.shared/0', 7],
      ]),
    );
    expect(found.tallies.transformed).toEqual(new Map([['public.users', 6]]));
    expect(found.tallies.taken).toEqual(found.tallies.transformed);
  });

  test('counts on from the state that was put down', async () => {
    const log = new MemoryLog();
    log.put(topics.raw, recordsOf([1, 1]));
    log.put(topics.domain('shared'), recordsOf([1, 1], people));
    await log.control.put(transformStateKey(0, 1), {
      next: { 'p.domain.shared/0': 2 },
      through: '0/130',
      time: TIME,
      taken: { 'public.users': 12, 'public.orphans': 2 },
      filtered: { 'public.orphans': 2 },
      transformed: { 'public.users': 12 },
    });
    const found = await recover(log, topics, ['shared'], 0);
    expect(found).toMatchObject({ rawOffset: 4, through: parseLsn('0/130'), time: TIME });
    expect(found.tallies).toEqual({
      filtered: new Map([['public.orphans', 2]]),
      transformed: new Map([['public.users', 13]]),
      taken: new Map([
        ['public.orphans', 2],
        ['public.users', 13],
      ]),
    });
  });
});
