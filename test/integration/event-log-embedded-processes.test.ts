import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openEmbeddedLog } from '../../platform/event-log/embedded/open.js';
import { packageRoot } from '../../platform/package-root.js';

const RUN_MS = 6_000;
const raw = { topic: 'p.raw', partition: 0 };

/** Opens the log, looks at its end and closes it, over and over. */
const OPENER = `
import { openEmbeddedLog } from '${packageRoot()}/dist/platform/event-log/embedded/open.js';
for (;;) {
  const log = await openEmbeddedLog({ directory: process.argv[2], pipeline: 'p' });
  await log.last({ topic: 'p.raw', partition: 0 });
  await log[Symbol.asyncDispose]();
}`;

// With lmdb's overlapping sync, a process that opened the log took committed records back while their writer lived.
test('what is appended stays while others open, close and are killed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-log-'));
  await writeFile(join(directory, 'opener.mjs'), OPENER);
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), pipeline: 'p' });
  const stopAt = performance.now() + RUN_MS;
  const killing = (async () => {
    while (performance.now() < stopAt) {
      const opener = fork(join(directory, 'opener.mjs'), [join(directory, 'log')]);
      const exited = new Promise((resolve) => opener.once('exit', resolve));
      await sleep(100 + (performance.now() % 400));
      opener.kill('SIGKILL');
      await exited;
    }
  })();
  let appended = 0;
  while (performance.now() < stopAt) {
    const values = Array.from({ length: 1 + (appended % 3) }, () => Buffer.alloc(100 + (appended % 50) * 2_000, 66));
    await log.append([{ ...raw, values }]);
    appended += values.length;
  }
  await killing;
  const offsets: number[] = [];
  for (;;) {
    const records = await log.read({ ...raw, offset: offsets.length }, { maxBytes: 8_000_000, waitMs: 0 });
    if (records.length === 0) break;
    offsets.push(...records.map((record) => record.offset));
  }
  await log[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
  expect(appended).toBeGreaterThan(100);
  expect(offsets).toEqual(Array.from({ length: appended }, (_, index) => index));
});
