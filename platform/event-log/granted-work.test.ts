import { setImmediate as tick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FerryError } from '../../core/errors.js';
import { GrantedWork, workOnAll } from './granted-work.js';

const at = (partition: number) => ({ topic: 't', partition });
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function recorded() {
  const said: string[] = [];
  const granted = new GrantedWork(async ({ partition }, signal) => {
    said.push(`+${partition}`);
    await aborted(signal);
    said.push(`-${partition}`);
  });
  const now = async () => {
    for (let i = 0; i < 5; i++) await tick();
    return said.splice(0).join(' ');
  };
  return { granted, now };
}

test('work begins and ends with the assignments, and what stays is not disturbed', async () => {
  const { granted, now } = recorded();
  granted.assign([at(0), at(1)]);
  expect(await now()).toBe('+0 +1');
  granted.assign([at(1), at(2)]);
  expect(await now()).toBe('-0 +2');
  granted.assign([at(0), at(1), at(2)]);
  expect(await now()).toBe('+0');
  await granted.stop();
  expect(await now()).toBe('-1 -2 -0');
});

test('a partition that comes back waits for the end of its last work', async () => {
  const said: string[] = [];
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const granted = new GrantedWork(async (_, signal) => {
    said.push('begins');
    await aborted(signal);
    await finished;
    said.push('ends');
  });
  granted.assign([at(0)]);
  await tick();
  granted.assign([]);
  granted.assign([at(0)]);
  await tick();
  expect(said).toEqual(['begins']);
  finish();
  await tick();
  await tick();
  expect(said).toEqual(['begins', 'ends', 'begins']);
});

test('work that another has taken over begins again as long as it is granted; another error fails all', async () => {
  let attempts = 0;
  const granted = new GrantedWork(async (_, signal) => {
    attempts++;
    if (attempts === 1) throw new FerryError('checkpoint-fenced', 'taken over');
    if (attempts === 2) throw new FerryError('log-regressed', 'somebody appended');
    if (attempts === 3) throw new FerryError('apply-failed', 'refused');
    await aborted(signal);
  });
  granted.assign([at(0)]);
  await expect(granted.failed).rejects.toMatchObject({ code: 'apply-failed' });
  expect(attempts).toBe(3);
});

test('errors of work whose grant is gone are nobody’s', async () => {
  const granted = new GrantedWork(async (_, signal) => {
    await aborted(signal);
    throw new FerryError('apply-failed', 'cut off');
  });
  granted.assign([at(0)]);
  await tick();
  await granted.stop();
  expect(await Promise.race([granted.failed.catch(() => 'failed'), tick('nothing')])).toBe('nothing');
});

test('workOnAll works on every partition, and the first error ends the others', async () => {
  const ended: string[] = [];
  const topics = [
    { topic: 'a', partitions: 2 },
    { topic: 'b', partitions: 1 },
  ];
  const working = workOnAll({ topics, signal: new AbortController().signal }, async ({ topic, partition }, granted) => {
    if (topic === 'b') throw new FerryError('apply-failed', 'refused');
    await aborted(granted);
    ended.push(`${topic}/${partition}`);
  });
  await expect(working).rejects.toMatchObject({ code: 'apply-failed' });
  expect(ended).toEqual(['a/0', 'a/1']);
});
