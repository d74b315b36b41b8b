import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CAPTURE_STATE, type CaptureState } from '../../../core/stage-state.js';
import { connect } from '../../../platform/postgres.js';
import { eventually } from '../../support/eventually.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

describeWithPostgres('a commit that waits for a synchronous standby', () => {
  test('is in the WAL and seen by nobody: no row is read as it was before it, by a later capture neither', async () => {
    // Of all sessions one waits, and there is no standby that could let it go.
    const server = await ownServer({ wal_level: 'logical', synchronous_commit: 'local' });
    try {
      await waitForStandby(server, 'nobody');
      await using pipeline = await makePipeline({
        driver: 'embedded',
        schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, n int NOT NULL)',
        sourceSql: 'INSERT INTO public.t SELECT i, 0 FROM generate_series(1, 6) i',
        tables: { growth: fromPublic('t') },
        capture: { snapshotChunkRows: 2 },
        sourceServer: server.url,
      });
      pipeline.transform.start();
      pipeline.apply.start();
      pipeline.capture.start({ FERRY_FAILPOINTS: 'capture.chunk-begun=pause:60000@0' });
      await pipeline.until('changes to come', async () => ((await pipeline.appliedThrough()) ?? 0n) > 0n);
      const waiting = await pipeline.connect('source');
      await waiting.query("SET synchronous_commit = 'on'");
      const committed = waiting.query('UPDATE public.t SET n = 1 WHERE id = 5');
      await pipeline.until('the transaction to be put down', () => hasUnseen(pipeline));
      await pipeline.capture.kill();
      pipeline.capture.start();
      // As long as a copy of six rows takes, several times over.
      await sleep(2_500);
      expect(await pipeline.isCopied()).toBe(false);
      await waitForStandby(server, '');
      await committed;
      await pipeline.untilStreaming();
      await pipeline.expectApplied();
    } finally {
      await server.stop();
    }
  });
});

async function hasUnseen(pipeline: Pipeline): Promise<boolean> {
  await using log = await pipeline.openLog();
  const state = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  return state?.unseen?.length === 1;
}

/** From now on, and those that wait already. */
async function waitForStandby({ url }: OwnServer, name: string): Promise<void> {
  const query = async (sql: string) => {
    const session = await connect('source', url, { applicationName: 'test' });
    return session.query(sql).finally(() => session.end());
  };
  await query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await query('SELECT pg_reload_conf()');
  const isRead = async () => (await query('SHOW synchronous_standby_names')).rows[0].synchronous_standby_names === name;
  await eventually(isRead, { what: 'the setting to be read', timeoutMs: 10_000 });
}
