import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

const LIMIT = 1_000_000;
const insert = (id: number, bytes: number) => `INSERT INTO public.files VALUES (${id}, repeat('x', ${bytes}))`;

/** Waits until capture has halted at a row, raises the limit, and starts it again. */
async function raiseLimit({ capture, config }: Pipeline, row: RegExp, limit: { from: number; to: number }) {
  capture.mayEnd();
  expect(await capture.ended).toMatchObject({ code: 1 });
  const tail = await capture.stderrTail();
  expect(tail).toMatch(row);
  expect(tail).toContain('Raise capture.maxRowBytes');
  const file = join(config.directory, 'pipeline.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace(`${limit.from}`, `${limit.to}`));
  capture.start();
}

describeWithPostgres('a row that is larger than the pipeline takes', () => {
  test('halts capture by table and key, in the snapshot and in the stream, and arrives once it may', async () => {
    await using pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: 'CREATE TABLE public.files (id int PRIMARY KEY, body text)',
      sourceSql: `${insert(1, LIMIT / 2)}; ${insert(2, 2 * LIMIT)}`,
      tables: { growth: fromPublic('files') },
      capture: { maxRowBytes: LIMIT },
    });
    pipeline.start();
    const copied = /row of public\.files behind the key .*1.* takes \d+ bytes or more/;
    await raiseLimit(pipeline, copied, { from: LIMIT, to: 3 * LIMIT });
    await pipeline.untilStreaming();
    await pipeline.source.query(insert(3, 4 * LIMIT));
    const streamed = /row of public\.files with id = 3 takes \d+ bytes or more as text: above the 3000000/;
    await raiseLimit(pipeline, streamed, { from: 3 * LIMIT, to: 5 * LIMIT });
    await pipeline.expectApplied();
  });
});
