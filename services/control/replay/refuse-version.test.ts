import { expect, test } from 'vitest';
import { CAPTURE_STATE } from '../../../core/stage-state.js';
import type { TopicPartition } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { MemoryLog } from '../../../test/support/memory-log.js';
import { refuseOtherTables, refuseShortenedRaw } from './refuse-version.js';

const table = (name: string) => ({ source: { schema: 'public', table: name } });
const pipeline = (...tables: string[]) =>
  ({ name: 'p', log: { partitions: 2 }, tables: tables.map(table) }) as unknown as LoadedPipeline;

test('a raw topic that was shortened in one partition is refused', async () => {
  class ShortenedLog extends MemoryLog {
    override async startOffset({ partition }: TopicPartition): Promise<number> {
      return partition * 7;
    }
  }
  await refuseShortenedRaw(new MemoryLog(), pipeline('users'));
  await expect(refuseShortenedRaw(new ShortenedLog(), pipeline('users'))).rejects.toMatchObject({
    code: 'not-ready',
    message: 'p.raw/1 begins at offset 7: what came before is lost',
  });
});

test.each<[string, Record<string, object>, RegExp | undefined]>([
  ['that are captured and mapped pass', { users: { done: true }, posts: { done: true } }, undefined],
  ['that nobody captured are refused', { users: { done: true } }, /nothing of public\.posts$/],
  [
    'that are being copied are refused',
    { users: { done: true }, posts: { done: false } },
    /posts is still being copied/,
  ],
  [
    'that the mapping leaves out are refused',
    { users: { done: true }, posts: { done: true }, jobs: { done: true } },
    /rows of public\.jobs, and the mapping has not/,
  ],
])('tables %s', async (_, captured, message) => {
  const log = new MemoryLog();
  const tables = Object.fromEntries(Object.entries(captured).map(([name, state]) => [`public.${name}`, state]));
  await log.control.put(CAPTURE_STATE, { tables });
  const refused = refuseOtherTables(log, pipeline('users', 'posts'));
  if (!message) return refused;
  await expect(refused).rejects.toMatchObject({ code: 'not-ready', message: expect.stringMatching(message) });
});
