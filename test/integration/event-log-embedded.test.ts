import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventLogContract } from '../../platform/event-log/contract.js';
import { openEmbeddedLog } from '../../platform/event-log/embedded/open.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { CAN_WATCH_MEMORY } from '../support/memory-watch.js';

eventLogContract('embedded', async (pipeline) => {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-log-'));
  const opened: EventLog[] = [];
  const open = async () => {
    const log = await openEmbeddedLog({ directory, pipeline });
    opened.push(log);
    return log;
  };
  const close = async () => {
    await Promise.all(opened.map((log) => log[Symbol.asyncDispose]()));
    await rm(directory, { recursive: true, force: true });
  };
  return { log: await open(), reopen: open, close };
});

const RECORDS = 300;
const RECORD_BYTES = 1024 * 1024;
const LIMIT_BYTES = 200 * 1024 * 1024;

/** Memory of this process, in bytes. */
async function residentBytes(): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8'))![1]) * 1024;
}

test.skipIf(!CAN_WATCH_MEMORY)('who reads a long history does not hold it in memory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-log-'));
  const at = { topic: 'p.raw', partition: 0 };
  await using log = await openEmbeddedLog({ directory, pipeline: 'p' });
  for (let i = 0; i < RECORDS; i += 20) {
    await log.append([{ ...at, values: Array.from({ length: 20 }, (_, j) => Buffer.alloc(RECORD_BYTES, i + j)) }]);
  }
  await using reader = await openEmbeddedLog({ directory, pipeline: 'p' });
  const before = await residentBytes();
  let most = 0;
  for (let offset = 0; offset < RECORDS; offset++) {
    const [record] = await reader.read({ ...at, offset }, { maxBytes: 1, waitMs: 0 });
    expect([record!.offset, record!.value[0]]).toEqual([offset, offset % 256]);
    most = Math.max(most, (await residentBytes()) - before);
  }
  expect(most).toBeLessThan(LIMIT_BYTES);
  await rm(directory, { recursive: true, force: true });
});

test('what was written in another format is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-log-'));
  await writeFile(join(directory, 'pipeline.json'), '{"ferry":1,"pipeline":"p"}\n');
  await expect(openEmbeddedLog({ directory, pipeline: 'p' })).rejects.toMatchObject({
    code: 'log-foreign',
    message: `the log directory ${directory} has the format 1, and this ferry reads 2`,
  });
  await rm(directory, { recursive: true });
});
