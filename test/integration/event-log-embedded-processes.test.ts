import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEmbeddedLog } from '../../platform/event-log/embedded/open.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { packageRoot } from '../../platform/package-root.js';

const RUN_MS = 4_000;
/** Fewer show nothing, however long they take on a busy machine. */
const AT_LEAST = 200;
const raw = { topic: 'p.raw', partition: 0 };

const OPEN = `
import { openEmbeddedLog } from '${packageRoot()}/dist/platform/event-log/embedded/open.js';
const raw = { topic: 'p.raw', partition: 0 };
const open = () => openEmbeddedLog({ directory: process.argv[2], pipeline: 'p' });`;

/** Opens the log, looks at its end and closes it, over and over. */
const OPENER = `${OPEN}
for (;;) {
  const log = await open();
  await log.last(raw);
  await log[Symbol.asyncDispose]();
}`;

/** Appends, and says where what it appended stands; begins again where another one was. */
const WRITER = `${OPEN}
let log = await open();
for (let i = 0; ; i++) {
  const values = Array.from({ length: 1 + (i % 3) }, (_, j) => Buffer.alloc(40 + (i % 50) * 2_000, process.argv[3] + i + '.' + j + ' '));
  try {
    const [end] = await log.append([{ ...raw, values }]);
    process.send(values.map((value, j) => [end - values.length + j, value.toString('latin1', 0, 40)]));
  } catch (error) {
    if (error.code !== 'log-regressed') throw error;
    log = await open();
    await log.createTopics([{ topic: raw.topic, partitions: 1 }]);
  }
}`;

let directory: string;
let stopAt: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ferry-log-'));
  stopAt = performance.now() + RUN_MS;
  await writeFile(join(directory, 'opener.mjs'), OPENER);
  await writeFile(join(directory, 'writer.mjs'), WRITER);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const openLog = () => openEmbeddedLog({ directory: join(directory, 'log'), pipeline: 'p' });

/** Starts a process again and again, and kills it each time. */
async function keepKilling(
  script: string,
  goesOn: () => boolean,
  begun: (child: ChildProcess) => void = () => {},
): Promise<void> {
  while (goesOn()) {
    const child = fork(join(directory, script), [join(directory, 'log'), randomUUID()], { stdio: 'inherit' });
    const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    begun(child);
    await sleep(500 + (performance.now() % 700));
    child.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
  }
}

async function readAll(log: EventLog): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for (;;) {
    const records = await log.read({ ...raw, offset: all.length }, { maxBytes: 8_000_000, waitMs: 0 });
    if (records.length === 0) return all;
    expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => all.length + i));
    all.push(...records.map(({ value }) => value));
  }
}

// A store whose binding lost commits when another process opened it has stood here before.
test('what is appended stays while others open, close and are killed', async () => {
  await using log = await openLog();
  let appended = 0;
  const goesOn = () => performance.now() < stopAt || appended < AT_LEAST;
  const killing = Promise.all([keepKilling('opener.mjs', goesOn), keepKilling('opener.mjs', goesOn)]);
  while (goesOn()) {
    const values = Array.from({ length: 1 + (appended % 3) }, () => Buffer.alloc(100 + (appended % 50) * 2_000, 66));
    await log.append([{ ...raw, values }]);
    appended += values.length;
  }
  await killing;
  expect((await readAll(log)).length).toBe(appended);
});

test('of writers that compete and are killed, what each was told is appended stands where it was told', async () => {
  const told = new Map<number, string>();
  const hears = (child: ChildProcess) =>
    child.on('message', (appended: [number, string][]) => {
      for (const [offset, begins] of appended) {
        expect(told.get(offset), `two were told of ${offset}`).toBeUndefined();
        told.set(offset, begins);
      }
    });
  const goesOn = () => performance.now() < stopAt || told.size < AT_LEAST;
  await Promise.all([1, 2, 3].map(() => keepKilling('writer.mjs', goesOn, hears)));
  await using log = await openLog();
  await log.createTopics([{ topic: raw.topic, partitions: 1 }]);
  const all = await readAll(log);
  expect(told.size).toBeGreaterThanOrEqual(AT_LEAST);
  expect([...told].filter(([offset, begins]) => all[offset]?.toString('latin1', 0, 40) !== begins)).toEqual([]);
});
