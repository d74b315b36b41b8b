import { expect, test } from 'vitest';
import { parsePipeline } from '../core/config/pipeline.js';
import { MemoryLog } from '../test/support/memory-log.js';
import type { LoadedPipeline } from './load-pipeline.js';
import { forgetMapped, putVersion, readVersions, refuseChangedMapping, takeMappingVersion } from './mapping-version.js';

function pipeline(users: object | undefined, more: object = {}): LoadedPipeline {
  const mapping = { schema: 'shared', tables: { ...(users ? { users } : {}), posts: { from: 'public.posts' } } };
  const config = { pipeline: 'p', source: { url: 's' }, target: { url: 't' }, ...more };
  const files = {
    pipeline: { path: 'pipeline.yaml', text: JSON.stringify(config) },
    mappings: [{ path: 'mapping/shared.yaml', text: JSON.stringify(mapping) }],
  };
  return parsePipeline(files, {}) as LoadedPipeline;
}
const USERS = { from: 'public.users' };
const OTHER = { from: 'public.users', drop: ['x'] };
const changed = (message: RegExp) => ({ code: 'mapping-changed', message: expect.stringMatching(message) });

test('the first start says by what the topics are made, and another mapping is refused from then on', async () => {
  const log = new MemoryLog();
  await refuseChangedMapping(log, pipeline(OTHER));
  await takeMappingVersion(log, pipeline(USERS));
  await takeMappingVersion(log, pipeline(USERS));
  await expect(takeMappingVersion(log, pipeline(OTHER))).rejects.toMatchObject(
    changed(/since version 1 of it began, in public\.users -> shared\.users$/),
  );
  expect((await readVersions(log)).get(1)?.state).toBe('ready');
});

test('a version is worked with once it is made, and no more once another has followed', async () => {
  const log = new MemoryLog();
  const second = pipeline(OTHER, { mappingVersion: 2 });
  await takeMappingVersion(log, pipeline(USERS));
  await expect(takeMappingVersion(log, second)).rejects.toMatchObject(changed(/nothing of version 2/));
  await putVersion(log, 2, { tables: [], state: 'filling' });
  await expect(takeMappingVersion(log, second)).rejects.toMatchObject(changed(/version 2 .* still being made/));
  await putVersion(log, 2, { tables: [], state: 'ready' });
  await putVersion(log, 1, { tables: [], state: 'gone' });
  await takeMappingVersion(log, second);
  await expect(takeMappingVersion(log, pipeline(USERS))).rejects.toMatchObject(changed(/version 1 .* followed/));
});

test('what a mapping lacks for a while comes back as it was; what was taken out of the pipeline in any way', async () => {
  const log = new MemoryLog();
  await takeMappingVersion(log, pipeline(USERS));
  await takeMappingVersion(log, pipeline(undefined));
  await expect(takeMappingVersion(log, pipeline(OTHER))).rejects.toMatchObject(changed(/public\.users/));
  await forgetMapped(log, 1, { schema: 'public', table: 'users' });
  await takeMappingVersion(log, pipeline(OTHER));
});

test('that of a way back may be written anew', async () => {
  const log = new MemoryLog();
  const back = (users: object): LoadedPipeline => ({
    ...pipeline(users),
    wayBackOf: {} as LoadedPipeline['wayBackOf'],
  });
  await takeMappingVersion(log, back(USERS));
  await takeMappingVersion(log, back(OTHER));
});
