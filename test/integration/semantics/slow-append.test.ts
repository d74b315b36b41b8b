import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isAfter, POSITION_ZERO } from '../../../core/position.js';
import { readSpan } from '../../../core/record-scanner.js';
import { topicsOf } from '../../../core/topics.js';
import { FAILPOINT_SAID } from '../../../platform/failpoint.js';
import { eventually } from '../../support/eventually.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

const SLOW_MS = 2_000;

describeWithPostgres('a connection that breaks while an append is slow', () => {
  test('is opened again behind that append: positions rise, and no row of the copy is lost', async () => {
    await using pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, n int NOT NULL)',
      sourceSql: 'INSERT INTO public.t SELECT i, 0 FROM generate_series(1, 500) i',
      tables: { growth: fromPublic('t') },
      capture: { snapshotChunkRows: 5, heartbeatIntervalMs: 100 },
    });
    pipeline.transform.start();
    pipeline.apply.start();
    pipeline.capture.start({ FERRY_FAILPOINTS: `capture.taken=pause:${SLOW_MS}@50` });
    await eventually(async () => (await pipeline.capture.stderrTail()).includes(FAILPOINT_SAID), {
      what: 'an append to stand still',
    });
    const { rowCount } = await pipeline.source.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active',
    );
    expect(rowCount).toBe(1);
    // Were it not waited for, it would have arrived by then.
    await sleep(SLOW_MS + 500);
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
    await expectRising(pipeline);
  });
});

async function expectRising(pipeline: Pipeline): Promise<void> {
  await using log = await pipeline.openLog();
  const { raw: topic } = topicsOf(pipeline.config.name);
  let last = POSITION_ZERO;
  for (let offset = 0; ; ) {
    const records = await log.read({ topic, partition: 0, offset }, { maxBytes: 1024 * 1024, waitMs: 0 });
    if (records.length === 0) break;
    for (const { value, offset: own } of records) {
      const span = readSpan(value);
      expect([own, isAfter(span.first, last)]).toEqual([own, true]);
      last = span.last;
      offset = own + 1;
    }
  }
  expect(isAfter(last, POSITION_ZERO)).toBe(true);
}
