import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FerryError } from '../../core/errors.js';
import { Turn } from './turn.js';

const never = new AbortController().signal;
const aborted = (signal: AbortSignal) => sleep(60_000, undefined, { signal }).catch(() => {});

test('a turn that was over before anything was written is longer the next time, and usual again behind one that was not', async () => {
  const turn = new Turn(10);
  const lasts = async (writes: boolean) => {
    const begunAt = performance.now();
    await turn.take(never, async (signal, wrote) => {
      if (writes) wrote();
      await aborted(signal);
    });
    return performance.now() - begunAt;
  };
  for (const [writes, leastMs] of [
    [false, 10],
    [false, 20],
    [false, 40],
    [true, 80],
    [false, 10],
  ] as const) {
    // Timers may fire within the millisecond before.
    expect(await lasts(writes)).toBeGreaterThanOrEqual(leastMs - 1);
  }
  await turn.take(never, async () => {});
  expect(await turn.take(never, (signal) => aborted(signal).then(() => 'over'))).toBe('over');
});

test('what ends it while it waits for others is no failure; anything else is', async () => {
  const lost = new FerryError('connection-lost', 'stopped where it waited');
  const waits = async (signal: AbortSignal) => {
    await aborted(signal);
    throw lost;
  };
  expect(await new Turn(1).take(never, waits)).toBeUndefined();
  await expect(new Turn(60_000).take(never, () => Promise.reject(lost))).rejects.toBe(lost);
});
