import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LSN_ZERO, type Lsn, parseLsn } from './lsn.js';
import {
  comparePositions,
  formatPosition,
  isAfter,
  POSITION_ZERO,
  type Position,
  positionFromJson,
  positionToJson,
} from './position.js';

// Few values, so that equal LSNs and equal positions come up.
const anyPosition: fc.Arbitrary<Position> = fc.record({
  lsn: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })) as fc.Arbitrary<Lsn>,
  index: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.nat()),
});

describe('positions', () => {
  test('are ordered by commit LSN first and by index within the transaction', () => {
    const sorted = [
      POSITION_ZERO,
      { lsn: LSN_ZERO, index: 0 },
      { lsn: parseLsn('0/1'), index: 9 },
      { lsn: parseLsn('0/2'), index: 0 },
      { lsn: parseLsn('0/2'), index: 10 },
      { lsn: parseLsn('1/0'), index: 1 },
    ];
    expect([...sorted].reverse().sort(comparePositions)).toEqual(sorted);
  });

  test('compare as a total order', () => {
    fc.assert(
      fc.property(anyPosition, anyPosition, anyPosition, (a, b, c) => {
        expect(Math.sign(comparePositions(a, b))).toBe(0 - Math.sign(comparePositions(b, a)));
        expect(comparePositions(a, b) === 0).toBe(a.lsn === b.lsn && a.index === b.index);
        if (comparePositions(a, b) <= 0 && comparePositions(b, c) <= 0) {
          expect(comparePositions(a, c)).toBeLessThanOrEqual(0);
        }
        expect(isAfter(a, b)).toBe(comparePositions(a, b) > 0);
      }),
    );
  });

  test('survive JSON', () => {
    fc.assert(
      fc.property(anyPosition, (position) => {
        expect(positionFromJson(JSON.parse(JSON.stringify(positionToJson(position))))).toEqual(position);
      }),
    );
  });

  test('begin behind POSITION_ZERO', () => {
    fc.assert(fc.property(anyPosition, (position) => isAfter(position, POSITION_ZERO)));
    expect(isAfter(POSITION_ZERO, POSITION_ZERO)).toBe(false);
  });

  test('are shown as LSN#index', () => {
    expect(formatPosition({ lsn: parseLsn('0/16B3748'), index: 7 })).toBe('0/16B3748#7');
  });
});
