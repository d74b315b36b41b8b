import { describe, expect, test } from 'vitest';
import { RecordBuilder, relationOf } from '../test/support/record-builder.js';
import { addTo, type LedgerEntry, ledgerAddsUp, type Tally, tallyRecord } from './ledger.js';
import { POSITION_ZERO, positionFromJson } from './position.js';

const users = relationOf(1, 'public.users', ['id', 'name']);
const posts = relationOf(2, 'growth.posts', ['id', 'title'], { source: 'public.posts' });

test('addTo begins at zero', () => {
  const tally: Tally = new Map();
  addTo(tally, 'public.users', 2);
  addTo(tally, 'public.users', 3);
  expect(tally).toEqual(new Map([['public.users', 5]]));
});

describe('tallyRecord', () => {
  test("counts changes, a snapshot's rows and truncates under the source table", () => {
    const records = new RecordBuilder()
      .relation(users)
      .relation(posts)
      .begin('0/10')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(1, 'u', { new: ['1', false] })
      .row(2, 'd', { key: ['1', null] })
      .rows(users, '2\tBob\n3\tCy\n', { gaveWay: 4 })
      .truncate([1, 2])
      .message('ferry:heartbeat')
      .commit()
      .take();
    const tally: Tally = new Map([['public.users', 100]]);
    for (const record of records) tallyRecord(record, tally, POSITION_ZERO);
    expect(tally).toEqual(
      new Map([
        ['public.users', 105],
        ['public.posts', 2],
      ]),
    );
  });

  test('counts each record on its own, wherever the transaction was cut', () => {
    const records = new RecordBuilder(1)
      .relation(users)
      .begin('0/10')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(1, 'c', { new: ['2', 'Bob'] })
      .truncate([1])
      .commit()
      .take();
    expect(records).toHaveLength(4);
    const tally: Tally = new Map();
    for (const record of records) tallyRecord(record, tally, POSITION_ZERO);
    expect(tally).toEqual(new Map([['public.users', 3]]));
  });
});

test('tallyRecord counts what lies between two places', () => {
  const [record] = new RecordBuilder()
    .relation(users)
    .begin('0/10')
    .row(1, 'c', { new: ['1', 'Ada'] })
    .row(1, 'c', { new: ['2', 'Bob'] })
    .commit()
    .begin('0/90')
    .row(1, 'c', { new: ['3', 'Cy'] })
    .truncate([1])
    .commit()
    .take();
  const between = (after: readonly [string, number], before: readonly [string, number]) => {
    const tally: Tally = new Map();
    tallyRecord(record!, tally, positionFromJson(after), positionFromJson(before));
    return tally.get('public.users') ?? 0;
  };
  expect(between(['0/0', -1], ['0/FF', 0])).toBe(4);
  expect(between(['0/10', 0], ['0/90', 1])).toBe(2);
  expect(between(['0/0', -1], ['0/90', 0])).toBe(2);
  expect(between(['0/90', 0], ['0/90', 1])).toBe(0);
});

describe('ledgerAddsUp', () => {
  const even: LedgerEntry = {
    table: 'public.users',
    read: 10,
    deduplicated: 1,
    captured: 9,
    filtered: 2,
    transformed: 7,
    applied: 4,
    deadLettered: 1,
    dropped: 2,
  };

  test('holds when every stage has passed on what it took', () => {
    expect(ledgerAddsUp(even)).toBe(true);
    expect(
      ledgerAddsUp({
        ...even,
        read: 0,
        deduplicated: 0,
        captured: 0,
        filtered: 0,
        transformed: 0,
        applied: 0,
        deadLettered: 0,
        dropped: 0,
      }),
    ).toBe(true);
  });

  const figures = [
    'read',
    'deduplicated',
    'captured',
    'filtered',
    'transformed',
    'applied',
    'deadLettered',
    'dropped',
  ] as const;
  test.each(figures)('fails when %s is one off', (figure) => {
    expect(ledgerAddsUp({ ...even, [figure]: even[figure]! + 1 })).toBe(false);
    expect(ledgerAddsUp({ ...even, [figure]: even[figure]! - 1 })).toBe(false);
  });

  test.each(figures)('fails while %s is unknown', (figure) => {
    expect(ledgerAddsUp({ ...even, [figure]: undefined })).toBe(false);
  });

  test('fails when nothing is known', () => {
    const unknown = Object.fromEntries(figures.map((figure) => [figure, undefined]));
    expect(ledgerAddsUp({ ...even, ...unknown } as LedgerEntry)).toBe(false);
  });
});
