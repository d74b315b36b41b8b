import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type Flag, isRolledOut, percentileOf, readOverrides, routeOf } from './rollout.js';

describe('readOverrides', () => {
  test.each([
    [{}, undefined],
    [{ FERRY_SERVING: '' }, undefined],
    [{ FERRY_SERVING: 'target' }, 'target'],
    [{ SUPABASE_ENV: 'v2' }, 'target'],
    [{ SUPABASE_ENV: 'production' }, 'source'],
    [{ FERRY_SERVING: 'source', SUPABASE_ENV: 'v2' }, 'source'],
  ])('%j serves %s', (env, serving) => {
    expect(readOverrides(env)).toEqual({ serving, percent: undefined });
  });

  test('a percentage of zero is one: it takes the place of the flag, as an empty one does not', () => {
    const percentOf = (value: string) => readOverrides({ V2_ROLLOUT_PERCENTAGE: value }).percent;
    expect(['', '0', '10', '100'].map(percentOf)).toEqual([undefined, 0, 10, 100]);
  });

  test.each([
    { FERRY_SERVING: 'Target' },
    { SUPABASE_ENV: 'staging' },
    { SUPABASE_ENV: 'constructor' },
    { V2_ROLLOUT_PERCENTAGE: '101' },
    { V2_ROLLOUT_PERCENTAGE: '10%' },
    { V2_ROLLOUT_PERCENTAGE: '-1' },
  ])('%j is refused by name', (env) => {
    expect(() => readOverrides(env)).toThrow(Object.keys(env)[0]);
  });
});

const percents = fc.integer({ min: 0, max: 100 });
const userIds = fc.oneof(fc.uuid(), fc.string({ minLength: 1, unit: 'grapheme' }), fc.nat().map(String));

describe('percentileOf', () => {
  // First 8 hex digits as md5sum gives them: a wrong hash, encoding or modulus moves users to the other project.
  test.each([
    ['', 0xd41d8cd9, 93],
    ['a', 0x0cc175b9, 77],
    ['user-1', 0xd6d77053, 19],
    ['5691af30-1a42-6b00-a603-e75e5f299db2', 0xfae442fe, 58],
    ['Ünïcode', 0x6c51cc17, 91],
    ['42', 0xa1d0c6e8, 84],
  ])('of %j is %d modulo 100', (userId, digits, expected) => {
    expect(digits % 100).toBe(expected);
    expect(percentileOf(userId)).toBe(expected);
  });

  test("is the first 32 bits of the id's md5, modulo 100", () => {
    fc.assert(
      fc.property(userIds, (userId) => {
        const hash = BigInt(`0x${createHash('md5').update(userId, 'utf8').digest('hex')}`);
        expect(percentileOf(userId)).toBe(Number((hash >> 96n) % 100n));
      }),
    );
  });

  test('spreads users evenly', () => {
    const included = Array.from({ length: 10_000 }, (_, i) => isRolledOut(10, `user-${i}`)).filter(Boolean).length;
    expect(included).toBeGreaterThan(900);
    expect(included).toBeLessThan(1_100);
  });
});

describe('isRolledOut', () => {
  test('who is in at a percent is in at every higher one, and out at every lower one that is out', () => {
    fc.assert(
      fc.property(userIds, percents, percents, (userId, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        expect(isRolledOut(low, userId) && !isRolledOut(high, userId)).toBe(false);
        expect(isRolledOut(one, userId)).toBe(percentileOf(userId) < one);
      }),
    );
  });

  test('0 % includes nobody and 100 % everybody, with an id and without', () => {
    fc.assert(
      fc.property(fc.option(userIds, { nil: undefined }), (userId) => {
        expect([isRolledOut(0, userId), isRolledOut(100, userId)]).toEqual([false, true]);
      }),
    );
  });

  test('without an id, an empty one too, each call is drawn by lot', () => {
    const lot = vi.spyOn(Math, 'random');
    try {
      for (const userId of [undefined, '']) {
        lot.mockReturnValueOnce(0.2999).mockReturnValueOnce(0.3);
        expect([isRolledOut(30, userId), isRolledOut(30, userId)]).toEqual([true, false]);
      }
      expect(lot).toHaveBeenCalledTimes(4);
    } finally {
      lot.mockRestore();
    }
  });
});

describe('routeOf', () => {
  test('writes go where the flag says, whatever the percent; reads ahead of it only', () => {
    fc.assert(
      fc.property(
        userIds,
        percents,
        fc.constantFrom('source' as const, 'target' as const),
        (userId, percent, serving) => {
          const { reads, writes } = routeOf({ serving, percent, mode: 'reads' }, userId)!;
          expect(writes).toBe(serving);
          expect(reads).toBe(serving === 'target' || isRolledOut(percent, userId) ? 'target' : 'source');
        },
      ),
    );
  });

  test('a mode of a later version is refused, at any percent', () => {
    for (const percent of [0, 50]) {
      const flag: Flag = { serving: 'source', percent, mode: 'tenants' };
      expect(() => routeOf(flag, 'user-1')).toThrow(/rollout mode "tenants".*update/);
    }
  });

  const users = (percent: number, to?: number): Flag => ({
    serving: 'source',
    percent,
    mode: 'users',
    ...(to === undefined ? {} : { to }),
  });

  test("in the mode users a user's writes go with the reads, and nobody without an id is moved", () => {
    fc.assert(
      fc.property(userIds, percents, (userId, percent) => {
        const side = isRolledOut(percent, userId) ? 'target' : 'source';
        expect(routeOf(users(percent), userId)).toEqual({ reads: side, writes: side });
        for (const none of [undefined, '']) {
          expect(routeOf(users(percent), none)).toEqual({ reads: 'source', writes: 'source' });
        }
      }),
    );
  });

  test('while the percent changes those whose side changes have none, and all others keep theirs', () => {
    fc.assert(
      fc.property(userIds, percents, percents, (userId, percent, to) => {
        const [before, after] = [routeOf(users(percent), userId), routeOf(users(to), userId)];
        const expected = before!.writes === after!.writes ? before : undefined;
        expect(routeOf(users(percent, to), userId)).toEqual(expected);
      }),
    );
  });

  test('once the new project serves, all are there', () => {
    expect(routeOf({ ...users(10, 50), serving: 'target' }, 'user-1')).toEqual({ reads: 'target', writes: 'target' });
  });
});
