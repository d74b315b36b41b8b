import { expect, test } from 'vitest';
import { farStart, type SequenceSide } from './far-sequences.js';

const BIGINT = 2n ** 63n - 1n;
const side = (last: bigint, more: Partial<SequenceSide> = {}): SequenceSide => ({
  last,
  increment: 1n,
  end: BIGINT,
  ...more,
});

test.each<[string, SequenceSide, SequenceSide, { from: bigint; value: bigint } | undefined]>([
  ['a thousand million ahead', side(500n), side(1n), { from: 1_000_000_500n, value: 1_000_000_500n }],
  [
    'half of what the column has left',
    side(500n),
    side(1n, { end: 2_147_483_647n }),
    { from: 1_000_000_500n, value: 1_000_000_500n },
  ],
  ['half of what either column has left', side(1_000n, { end: 101_000n }), side(1n), { from: 51_000n, value: 51_000n }],
  [
    'down, where it counts down',
    side(-10n, { increment: -1n, end: -1_000_010n }),
    side(-1n, { increment: -1n, end: -BIGINT }),
    { from: -500_010n, value: -500_010n },
  ],
  [
    'by its own steps',
    side(0n, { end: 1_000_000n }),
    side(0n, { increment: 10n }),
    { from: 500_000n, value: 500_000n },
  ],
  [
    'where it is, when it was there before',
    side(1_000n),
    side(900_001_000n),
    { from: 450_001_000n, value: 900_001_000n },
  ],
  ['nowhere, where too little is left', side(30_000n, { end: 32_767n }), side(1n), undefined],
])('a sequence goes %s', (_, source, target, expected) => {
  expect(farStart(source, target)).toEqual(expected);
});
