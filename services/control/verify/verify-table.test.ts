import { expect, test } from 'vitest';
import type { TableReader } from './observe.js';
import type { TableWalk } from './progress.js';
import type { Key, KeyRange } from './queries.js';
import type { SideReader } from './side-reader.js';
import { walkTable } from './verify-table.js';

const numberOf = (key: Key | undefined, otherwise: number) => (key ? Number(key[0]) : otherwise);

/** One side whose rows are numbers; the hash of a row is itself. */
function side(rows: readonly number[], read: string[]): SideReader {
  const within = ({ after, through }: KeyRange) =>
    rows.filter((row) => row > numberOf(after, -1) && row <= numberOf(through, Number.MAX_SAFE_INTEGER));
  const texts = (found: readonly number[]) => found.map((row) => [String(row), 'v', String(row)]);
  return {
    chunkEnd: async (range, count) => {
      const end = within(range)[count - 1];
      return end === undefined ? undefined : [String(end)];
    },
    tally: async (range) => {
      read.push(`${range.after ?? ''}-${range.through ?? ''}`);
      const found = within(range);
      return { rows: found.length, sum: BigInt(found.reduce((sum, row) => sum + row, 0)) };
    },
    rows: async (range) => texts(within(range)),
    rowsOfKeys: async (keys) => texts(rows.filter((row) => keys.some(([key]) => key === String(row)))),
    columnHashes: async (keys) =>
      rows.filter((row) => keys.some(([key]) => key === String(row))).map((row) => [`{${row}}`, 'v', String(row)]),
  };
}

/** A table whose target has rows that are read by key alone, found in parts of two. */
function table(source: readonly number[], target: readonly number[], beyond: readonly number[]) {
  const read: string[] = [];
  const session = { side: 'source', read: async () => [['0/1']] } as const;
  const { rowsOfKeys, columnHashes } = side([...target, ...beyond], []);
  const reader: TableReader = {
    shape: { columns: ['n'], isKeyless: false } as unknown as TableReader['shape'],
    source: side(source, read),
    target: { ...side(target, []), rowsOfKeys, columnHashes },
    sessions: { source: session, target: session },
    applied: { waitUntilApplied: async () => {} },
    signal: new AbortController().signal,
    async *beyond(_, from) {
      const left = beyond.filter((row) => row > numberOf(from, -1));
      for (let at = 0; at < left.length; at += 2) {
        const part = left.slice(at, at + 2).map((row): Key => [String(row)]);
        read.push(`beyond ${part.join(' ')}`);
        yield { keys: part, through: at + 2 < left.length ? part.at(-1) : undefined };
      }
    },
  };
  return { reader, read };
}

const options = { chunkRows: 2, maxAttempts: 3 };

test('from each place where it may stop, a walk comes to the same end and reads nothing again', async () => {
  const walked = async (from?: TableWalk) => {
    const { reader, read } = table([1, 2, 3, 4, 5], [1, 2, 4, 5], [99, 100, 101]);
    const kept: TableWalk[] = [];
    const end = await walkTable(reader, { ...options, from, onChunk: async (walk) => void kept.push(walk) });
    return { end, kept, read };
  };
  const whole = await walked();
  expect(whole.end).toMatchObject({
    phase: 'ended',
    total: { source: { rows: 5, sum: 15n }, target: { rows: 7, sum: 312n }, differencesTotal: 4, unsettled: 0 },
  });
  expect(whole.end.total.differences.map(({ key, kind }) => `${key} ${kind}`)).toEqual([
    '3 missing',
    '99 extra',
    '100 extra',
    '101 extra',
  ]);
  expect(whole.end.total.differing).toEqual({ source: { rows: 1, sum: 3n }, target: { rows: 3, sum: 300n } });
  expect(whole.read).toEqual(['-2', '2-4', '4-', 'beyond 99 100', 'beyond 101']);
  expect(whole.kept).toHaveLength(5);
  for (const [chunks, from] of whole.kept.entries()) {
    const rest = await walked(from);
    expect(rest.end).toEqual(whole.end);
    expect(rest.read).toEqual(whole.read.slice(chunks + 1));
  }
});
