import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isRolledOut, percentileOf, readOverrides } from './rollout.js';

describe('readOverrides', () => {
  test.each([
    [{}, undefined],
    [{ FERRY_SERVING: '' }, undefined],
    [{ FERRY_SERVING: 'target' }, 'target'],
    [{ SUPABASE_ENV: 'v2' }, 'target'],
    [{ SUPABASE_ENV: 'production' }, 'source'],
    [{ FERRY_SERVING: 'source', SUPABASE_ENV: 'v2' }, 'source'],
  ])('%j serves %s', (env, serving) => {
    expect(readOverrides(env)).toEqual({ serving, rolloutPercentage: 0 });
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

describe('percentileOf', () => {
  test("is the first 32 bits of the id's md5, modulo 100", () => {
    // md5('') begins with d41d8cd9.
    expect(percentileOf('')).toBe(0xd41d8cd9 % 100);
    const id = '5691af30-1a42-6b00-a603-e75e5f299db2';
    expect(percentileOf(id)).toBe(createHash('md5').update(id).digest().readUInt32BE(0) % 100);
  });

  test('spreads users evenly', () => {
    const included = Array.from({ length: 10_000 }, (_, i) => isRolledOut(10, `user-${i}`)).filter(Boolean).length;
    expect(included).toBeGreaterThan(900);
    expect(included).toBeLessThan(1_100);
  });
});

test('a user who is rolled out at 10 % stays so at 50 %', () => {
  for (let i = 0; i < 1_000; i++) {
    if (isRolledOut(10, `user-${i}`)) expect(isRolledOut(50, `user-${i}`)).toBe(true);
  }
});

test.each([undefined, 'somebody'])('0 % includes nobody and 100 % everybody (%s)', (userId) => {
  expect(isRolledOut(0, userId)).toBe(false);
  expect(isRolledOut(100, userId)).toBe(true);
});
