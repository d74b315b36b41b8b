import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Lsn } from '../../core/lsn.js';
import { WaitsForOthers } from './waits-for-others.js';

const at = (lsn: bigint) => ({ lsn: lsn as Lsn, index: 0 });
const unique = { code: 'apply-failed', details: { sqlstate: '23505' } } as const;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('others are waited for while one is behind, and for a minute where none is', () => {
  const waits = new WaitsForOthers(3);
  waits.startsAt(at(1n));
  waits.foundBehind(true);
  vi.advanceTimersByTime(600_000);
  waits.startsAt(at(1n));
  expect([waits.mayPass(unique), waits.isLong]).toEqual([true, true]);
  waits.foundBehind(false);
  expect(waits.mayPass(unique)).toBe(false);
  waits.startsAt(at(2n));
  vi.advanceTimersByTime(59_000);
  expect(waits.mayPass(unique)).toBe(true);
  vi.advanceTimersByTime(1_000);
  expect(waits.mayPass(unique)).toBe(false);
});

test('what no row of others can be the reason of is not waited with, nor anything where there is one partition', () => {
  const [several, one] = [new WaitsForOthers(3), new WaitsForOthers(1)];
  for (const waits of [several, one]) waits.startsAt(at(1n));
  expect(several.mayPass({ code: 'apply-failed', details: { sqlstate: '22001' } })).toBe(false);
  expect(several.mayPass({ code: 'transient-sql', details: {} })).toBe(true);
  expect(one.mayPass(unique)).toBe(false);
});
