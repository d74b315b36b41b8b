import { expect, test } from 'vitest';
import { LoadBrake } from './load-brake.js';
import type { Load } from './load-limits.js';

const load = (active: number): Load => ({ lagBytes: 0, lagMs: 0, connections: 1, maxConnections: 100, active });
const never = new AbortController().signal;

/** A brake over loads that are measured one after the other; the last stays. */
function brakeOver(loads: readonly Load[], intervalMs: number) {
  const said: (string | undefined)[] = [];
  let measured = 0;
  const brake = new LoadBrake({
    limits: { active: 5 },
    intervalMs,
    measure: async () => loads[Math.min(measured++, loads.length - 1)]!,
    onPause: (why) => said.push(why),
  });
  return { brake, said, measured: () => measured };
}

test('reading waits while the load is above its limit, and says so', async () => {
  const { brake, said, measured } = brakeOver([load(6), load(6), load(9), load(5)], 1);
  await brake.room(never);
  expect(measured()).toBe(4);
  expect(said).toEqual(['6 active sessions, above 5', '9 active sessions, above 5', undefined]);
});

test('what reads several tables at once measures together', async () => {
  const { brake, said, measured } = brakeOver([load(5)], 60_000);
  await Promise.all([brake.room(never), brake.room(never)]);
  await brake.room(never);
  expect(measured()).toBe(1);
  expect(said).toEqual([]);
});

test('a load that cannot be read is an error', async () => {
  const measure = () => Promise.reject(new Error('no answer'));
  await expect(new LoadBrake({ limits: { active: 5 }, measure }).room(never)).rejects.toThrow('no answer');
});

test('an abort ends the pause with its reason', async () => {
  const { brake } = brakeOver([load(6)], 60_000);
  const stop = new AbortController();
  const waiting = brake.room(stop.signal);
  stop.abort(new Error('interrupted'));
  await expect(waiting).rejects.toThrow('interrupted');
});
