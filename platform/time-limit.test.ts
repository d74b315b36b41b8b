import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { limitedTo } from './time-limit.js';

const never = new AbortController().signal;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('fires when its time is up, whatever is collected until then', async () => {
  const limited = Array.from({ length: 20 }, () => limitedTo(100, never));
  for (let round = 0; round < 4; round++) {
    await sleep(5);
    collectGarbage();
  }
  expect(limited.every((signal) => signal.aborted)).toBe(false);
  await sleep(200);
  expect(limited.every((signal) => signal.aborted)).toBe(true);
});

test('fires with the other signal', () => {
  const stop = new AbortController();
  const limited = limitedTo(60_000, stop.signal);
  expect(limited.aborted).toBe(false);
  stop.abort('enough');
  expect([limited.aborted, limited.reason]).toEqual([true, 'enough']);
});
