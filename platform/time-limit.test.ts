import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { eventually } from '../test/support/eventually.js';
import { limitedTo } from './time-limit.js';

const never = new AbortController().signal;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('fires when its time is up, whatever is collected until then', async () => {
  const limited = Array.from({ length: 20 }, () => limitedTo(1_000, never));
  for (let round = 0; round < 4; round++) {
    await sleep(5);
    collectGarbage();
  }
  expect(limited.every((signal) => signal.aborted)).toBe(false);
  await eventually(() => limited.every((signal) => signal.aborted), { what: 'all of them to fire' });
});

test('fires with the other signal', () => {
  const stop = new AbortController();
  const limited = limitedTo(60_000, stop.signal);
  expect(limited.aborted).toBe(false);
  stop.abort('enough');
  expect([limited.aborted, limited.reason]).toEqual([true, 'enough']);
});
