import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn, minLsn, parseLsn } from './lsn.js';

const anyLsn = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) as fc.Arbitrary<Lsn>;

describe('parseLsn', () => {
  test.each([
    ['0/0', 0n],
    ['0/16B3748', 0x16b3748n],
    ['00000000/016B3748', 0x16b3748n],
    ['0/16b3748', 0x16b3748n],
    ['1/0', 0x1_0000_0000n],
    ['FFFFFFFF/FFFFFFFF', 2n ** 64n - 1n],
  ])('reads %s', (text, lsn) => {
    expect(parseLsn(text)).toBe(lsn);
  });

  test.each(['', '0', '/', '0/', '/0', '0/G', '0/123456789', '0/1/2', ' 0/1', '0/1\n', '-1/0', '0x1/0'])(
    'refuses %j',
    (text) => {
      expect(() => parseLsn(text)).toThrow(new RangeError(`not an LSN: ${JSON.stringify(text)}`));
    },
  );
});

describe('formatLsn', () => {
  test('spells an LSN as pg_current_wal_lsn() does', () => {
    expect(formatLsn(LSN_ZERO)).toBe('0/0');
    expect(formatLsn(0x1_0000_00abn as Lsn)).toBe('1/AB');
  });

  test('is what parseLsn reads, padded or not', () => {
    fc.assert(
      fc.property(anyLsn, (lsn) => {
        const text = formatLsn(lsn);
        expect(parseLsn(text)).toBe(lsn);
        expect(parseLsn(text.replaceAll(/[0-9A-F]+/g, (half) => half.padStart(8, '0')))).toBe(lsn);
      }),
    );
  });
});

test('maxLsn and minLsn compare beyond what a number holds', () => {
  const low = (2n ** 63n) as Lsn;
  const high = (2n ** 63n + 1n) as Lsn;
  expect([maxLsn(low, high), maxLsn(high, low)]).toEqual([high, high]);
  expect([minLsn(low, high), minLsn(high, low)]).toEqual([low, low]);
});
