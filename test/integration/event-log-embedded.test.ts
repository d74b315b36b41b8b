import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLogContract } from '../../platform/event-log/contract.js';
import { openEmbeddedLog } from '../../platform/event-log/embedded/open.js';
import type { EventLog } from '../../platform/event-log/port.js';

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
