import { expect, test } from 'vitest';
import { formatProgress, NOT_BEGUN, parseProgress, shapeDigest, type TableProgress } from './progress.js';
import type { TableShape } from './table-shape.js';

const tally = (rows: number, sum: bigint) => ({ rows, sum });

test('a walk goes on from what was kept, with sums that no number holds', () => {
  const progress: TableProgress = {
    shape: 'a1',
    ms: 12,
    walk: {
      phase: 'beyond',
      after: ['1', 'sum'],
      total: {
        source: tally(3, -9_223_372_036_854_775_808n * 7n),
        target: tally(2, 1n),
        differing: { source: tally(1, 5n), target: tally(0, 0n) },
        differences: [{ key: ['sum'], kind: 'different', columns: ['sum'] }],
        differencesTotal: 1,
        unsettled: 4,
      },
    },
  };
  expect(parseProgress(formatProgress(progress))).toEqual(progress);
  const begun = { shape: 'a1', ms: 0, walk: NOT_BEGUN };
  expect(parseProgress(formatProgress(begun))).toEqual(begun);
});

test('what is compared otherwise, or in another order, has another digest', () => {
  const side = {
    from: 'ONLY "t" AS t',
    columns: ['t."a"'],
    key: [{ expression: 't."a"', literalType: 'text' }],
    recode: false,
  };
  const shape = { columns: ['a'], source: side, target: side } as unknown as TableShape;
  const others: TableShape[] = [
    { ...shape, columns: ['b'] },
    { ...shape, source: { ...side, from: '(SELECT * FROM "t" WHERE a > 1) AS t' } },
    { ...shape, target: { ...side, key: [{ expression: 't."a" COLLATE "C"', literalType: 'text' }] } },
  ];
  const digests = new Set([shape, ...others].map(shapeDigest));
  expect(digests.size).toBe(4);
  expect(shapeDigest({ ...shape, estimatedRows: 7 })).toBe(shapeDigest(shape));
});
