import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../test/support/eventually.js';
import { MemoryLog } from '../test/support/memory-log.js';
import { silentLogger } from './logger.js';
import { OneUp } from './one-up.js';

const BEAT_MS = 20;
/** Processes of this machine that live as long as the test does, and one that never was: numbers end far below. */
const [LIVING, DEAD] = [process.ppid, 2 ** 30];

const running: OneUp[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one[Symbol.asyncDispose]();
});

function start(log: MemoryLog, pid = LIVING, open = async (): Promise<MemoryLog> => log): OneUp {
  const one = new OneUp({ pipeline: 'p', open, logger: silentLogger, pid, beatMs: BEAT_MS, goneAfterMs: 15 * BEAT_MS });
  running.push(one);
  return one;
}

/** How it has ended by now. */
const state = (one: OneUp) =>
  Promise.race([
    one.ended().then(
      () => 'ended',
      (error) => error.code as string,
    ),
    new Promise<string>((resolve) => setImmediate(() => resolve('runs'))),
  ]);

test('a second one is refused by name as long as the first one runs, and begins once that has ended', async () => {
  const log = new MemoryLog();
  const first = start(log);
  await first.begun();
  const refused = start(log);
  await expect(refused.begun()).rejects.toMatchObject({
    code: 'runs-elsewhere',
    message: expect.stringContaining(`the pipeline p is run by another ferry up already: process ${LIVING} on `),
  });
  expect(await state(first)).toBe('runs');
  await first[Symbol.asyncDispose]();
  const next = start(log);
  await next.begun();
  expect(await state(next)).toBe('runs');
});

test('one that was killed is not waited for', async () => {
  const log = new MemoryLog();
  await log.control.put('up', { id: 'x', host: hostname(), pid: DEAD, since: '', beat: 7 });
  const next = start(log);
  await next.begun();
  expect(await log.control.get('up')).toMatchObject({ pid: LIVING });
});

test('one that stands still is taken for gone, and ends once it comes back', async () => {
  const log = new MemoryLog();
  let isFrozen = false;
  let comeBack = () => {};
  const standing = new Promise<void>((resolve) => {
    comeBack = resolve;
  });
  class Frozen extends MemoryLog {
    override readonly control = {
      ...log.control,
      get: async (key: string) => {
        if (isFrozen) await standing;
        return log.control.get(key);
      },
    };
  }
  const first = start(log, LIVING, async () => new Frozen());
  await first.begun();
  isFrozen = true;
  const second = start(log);
  await second.begun();
  comeBack();
  await expect(first.ended()).rejects.toMatchObject({ code: 'runs-elsewhere' });
  expect(await state(second)).toBe('runs');
});

test('of those that begin at the same moment exactly one goes on', async () => {
  const log = new MemoryLog();
  const all = [1, 2, 3, 4].map(() => start(log));
  const states = () => Promise.all(all.map(state));
  await eventually(async () => (await states()).filter((is) => is === 'runs').length === 1, { what: 'one to be left' });
  await sleep(5 * BEAT_MS);
  expect((await states()).sort()).toEqual(['runs', 'runs-elsewhere', 'runs-elsewhere', 'runs-elsewhere']);
});

test('a log that does not answer holds nobody up: the services say what is wrong with it', async () => {
  const one = start(new MemoryLog(), LIVING, async () => {
    throw new Error('no broker');
  });
  await one.begun();
  expect(await state(one)).toBe('runs');
});
