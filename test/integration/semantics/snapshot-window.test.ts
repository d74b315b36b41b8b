import { expect, test } from 'vitest';
import { parseLsn } from '../../../core/lsn.js';
import { CAPTURE_STATE, type CaptureState } from '../../../core/stage-state.js';
import { topicsOf } from '../../../core/topics.js';
import { ChunkGate } from '../../support/chunk-gate.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';
import { snapshotBlocks } from '../../support/snapshot-blocks.js';

const BIG = "pg_catalog.repeat('0123456789', 10000)";
const CHUNK_ROWS = 2;

/** Rows 10, 20 ... 60, of which the first chunk has 10 and 20. */
function pipelineOf(tables: readonly string[]): Promise<Pipeline> {
  const create = (table: string) => `
    CREATE TABLE public.${table} (id int PRIMARY KEY, n int NOT NULL, big text, other text);
    ALTER TABLE public.${table} ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL`;
  return makePipeline({
    driver: 'embedded',
    schemaSql: tables.map(create).join(';'),
    sourceSql: [
      ...tables.map(
        (table) => `INSERT INTO public.${table} SELECT i * 10, 0, ${BIG} || i, ${BIG} || -i
                                  FROM generate_series(1, 6) i; ANALYZE public.${table}`,
      ),
      ...tables
        .filter((table) => table.includes('whole'))
        .map((table) => `ALTER TABLE public.${table} REPLICA IDENTITY FULL`),
    ].join(';'),
    tables: { growth: fromPublic(...tables) },
    capture: { snapshotChunkRows: CHUNK_ROWS, snapshotParallelTables: tables.length },
  });
}

const MOVES = `
  UPDATE @ SET id = 11 WHERE id = 10; UPDATE @ SET id = 25, n = 1 WHERE id = 20;
  UPDATE @ SET id = 5 WHERE id = 30; UPDATE @ SET n = 9 WHERE id = 5;
  UPDATE @ SET id = 15 WHERE id = 40; UPDATE @ SET id = 16 WHERE id = 15;
  UPDATE @ SET id = 70 WHERE id = 50; UPDATE @ SET id = 6 WHERE id = 70`;

/** What happens to each table while its first chunk is in flight. */
const WINDOW: Readonly<Record<string, string>> = {
  updated: 'UPDATE @ SET n = 1 WHERE id IN (10, 30)',
  updated_whole: 'UPDATE @ SET n = 1 WHERE id IN (10, 30)',
  half_by_half: `UPDATE @ SET big = ${BIG} || 'a' WHERE id IN (10, 30); UPDATE @ SET other = ${BIG} || 'b' WHERE id IN (10, 30);
    UPDATE @ SET n = 3 WHERE id = 10; UPDATE @ SET big = NULL WHERE id = 20; UPDATE @ SET n = 3 WHERE id = 20`,
  moved: MOVES,
  moved_whole: MOVES,
  replaced: `DELETE FROM @ WHERE id IN (10, 20, 30); INSERT INTO @ VALUES (10, 1, 'new', ${BIG}), (12, 1, ${BIG}, '');
    UPDATE @ SET n = 2 WHERE id = 12; INSERT INTO @ VALUES (20, 1, '', ''); DELETE FROM @ WHERE id = 20`,
  rewritten: 'UPDATE @ SET n = 1 WHERE id IN (10, 30); ALTER TABLE @ ALTER n TYPE int USING n + 0',
  truncated: `UPDATE @ SET id = 5 WHERE id = 30; TRUNCATE @; INSERT INTO @ VALUES (20, 1, 'after', ${BIG}), (60, 1, '', '')`,
};

describeWithPostgres('changes while their snapshot chunk is in flight', () => {
  test('every row arrives once and whole', async () => {
    const tables = Object.keys(WINDOW).map((table) => `public.${table}`);
    await using pipeline = await pipelineOf(Object.keys(WINDOW));
    const gate = await ChunkGate.close(pipeline, tables);
    const change = () =>
      Promise.all(
        Object.entries(WINDOW).map(([table, sql]) =>
          gate.holder(`public.${table}`).query(sql.replaceAll('@', `public.${table}`)),
        ),
      );
    await change();
    await gate.open();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('a row that a key change took out of its chunk is read again, even after capture was killed', async () => {
    await using pipeline = await pipelineOf(['moved']);
    const gate = await ChunkGate.close(pipeline, ['public.moved']);
    await gate.holder('public.moved').query('UPDATE public.moved SET id = 5 WHERE id = 30');
    await gate.toNextChunk();
    const { rows } = await pipeline.source.query('SELECT pg_catalog.pg_current_wal_lsn() AS lsn');
    await using log = await pipeline.openLog();
    await pipeline.until('capture to put its state down behind the key change', async () => {
      const state = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
      return state !== undefined && parseLsn(state.through) >= parseLsn(rows[0].lsn);
    });
    await pipeline.capture.kill();
    await gate.open();
    pipeline.capture.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
    const blocks = await snapshotBlocks(log, topicsOf(pipeline.config.name).raw);
    expect(blocks.map((block) => block.keys)).toEqual([['10', '20'], ['40', '50'], ['60'], ['5'], []]);
  });
});
