import { expect, test } from 'vitest';
import type { VersionRecord } from '../../../core/mapping-version.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { putVersion, readVersions } from '../../../platform/mapping-version.js';
import { MemoryLog } from '../../../test/support/memory-log.js';
import { settleVersion } from './new-version.js';

test.each([
  ['in place, nobody reads the topics of versions before', false, ['gone', 'gone', 'ready', 'filling']],
  [
    'beside the live target, services may work with it, and go on with those before',
    true,
    ['ready', 'filling', 'ready', 'filling'],
  ],
])('equal %s', async (_, isBeside, expected) => {
  const log = new MemoryLog();
  const tables = [{ schema: 'growth' }] as unknown as VersionRecord['tables'];
  for (const [version, state] of [
    [1, 'ready'],
    [2, 'filling'],
    [3, 'filling'],
    [4, 'filling'],
  ] as const) {
    await putVersion(log, version, { tables, state });
  }
  log.put('p.domain.growth', [Buffer.of()]);
  log.put('p.domain-4.growth', [Buffer.of()]);
  await settleVersion(log, { name: 'p', mappingVersion: 3 } as LoadedPipeline, { kind: 'mapping', isBeside });
  expect([...(await readVersions(log)).values()].map(({ state }) => state)).toEqual(expected);
  expect(log.records('p.domain.growth')).toHaveLength(isBeside ? 1 : 0);
  expect(log.records('p.domain-4.growth')).toHaveLength(1);
});
