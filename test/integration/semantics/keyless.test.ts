import { afterAll, beforeAll, expect, test } from 'vitest';
import { topicsOf } from '../../../core/topics.js';
import { Load } from '../../support/load.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { Random, testSeed } from '../../support/random.js';
import { describeWithPostgres } from '../../support/servers.js';
import { snapshotBlocks } from '../../support/snapshot-blocks.js';

const BIG = "pg_catalog.repeat('0123456789', 10000)";

/** Types without an operator for equality among them, a type whose equal values differ in text, and what TOAST keeps. */
const SCHEMA = `
  CREATE TABLE public.facts (a int, b text, c json, d xml, e point, f numeric, big text);
  ALTER TABLE public.facts ALTER big SET STORAGE EXTERNAL; ALTER TABLE public.facts REPLICA IDENTITY FULL;
  CREATE TABLE public.busy (n int, note text); ALTER TABLE public.busy REPLICA IDENTITY FULL;
  CREATE TABLE public.generated (a text, k text GENERATED ALWAYS AS (lower(a)) STORED PRIMARY KEY, n int);
  ALTER TABLE public.generated REPLICA IDENTITY FULL;
  CREATE TABLE public.codes (id int PRIMARY KEY, code text NOT NULL UNIQUE, big text);
  ALTER TABLE public.codes ALTER big SET STORAGE EXTERNAL; ALTER TABLE public.codes REPLICA IDENTITY USING INDEX codes_code_key;
  CREATE TABLE public.keyed (id int PRIMARY KEY)`;

const facts = (a: string, n = 1) =>
  `INSERT INTO public.facts SELECT ${a}, 'b', '{"x" : 1}', '<a/>', '(1,2)', 1.0, ${BIG} FROM generate_series(1, ${n})`;

describeWithPostgres('tables without a key, and with another one in the WAL', () => {
  let pipeline: Pipeline;
  let load: Load;
  const commit = (...transactions: readonly string[]) =>
    pipeline.source.query(transactions.map((sql) => `BEGIN; ${sql}; COMMIT`).join(';'));

  async function hasPartOf(table: string): Promise<boolean> {
    await using log = await pipeline.openLog();
    const blocks = await snapshotBlocks(log, topicsOf(pipeline.config.name).raw);
    return blocks.some((block) => block.table === table && block.keys.length > 0);
  }

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      partitions: 2,
      schemaSql: SCHEMA,
      sourceSql: `
        ${facts('1', 3)}; ${facts('2')}; INSERT INTO public.facts (a) VALUES (NULL), (NULL), (3);
        INSERT INTO public.facts (a, b) VALUES (3, '');
        INSERT INTO public.busy SELECT i % 100, repeat('a note ', 60) FROM generate_series(1, 30000) i;
        INSERT INTO public.generated (a, n) SELECT 'Row' || i, i FROM generate_series(1, 5) i;
        INSERT INTO public.codes SELECT i, 'c' || i, ${BIG} FROM generate_series(1, 10) i;
        INSERT INTO public.keyed SELECT generate_series(1, 1000)`,
      // A key that the target fills itself is no business of the source's.
      targetSql: 'ALTER TABLE growth.facts ADD id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
      tables: { growth: fromPublic('facts', 'busy', 'generated', 'codes', 'keyed') },
      capture: { snapshotChunkRows: 100 },
    });
    const sessions = await Promise.all([1, 2, 3].map(() => pipeline.connect('source')));
    const someBusy = (limit: number) =>
      `ctid IN (SELECT ctid FROM public.busy ORDER BY random() LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
    load = new Load(
      sessions,
      [
        (random) => `UPDATE public.busy SET n = ${random.int(1, 100)} WHERE ${someBusy(3)}`,
        (random) => `DELETE FROM public.busy WHERE ${someBusy(random.int(1, 3))}`,
        (random) =>
          `INSERT INTO public.busy SELECT ${random.int(1, 100)}, repeat('a note ', 60) FROM generate_series(1, 3)`,
        (random) => `INSERT INTO public.keyed VALUES (${random.int(1001, 99999)}) ON CONFLICT DO NOTHING`,
      ],
      testSeed(7),
    );
    pipeline.transform.start();
    pipeline.apply.start();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  test('capture ends in a moment when it is asked to amid a copy', async () => {
    const asked = pipeline.process('capture');
    // Facts are one piece; of busy, in whose midst it stands then, there are more.
    asked.start({ FERRY_FAILPOINTS: 'capture.rows-copied=pause:0@0,capture.rows-copied=pause:2000@0' });
    await pipeline.until('it to stand there', async () => /failpoint: .*\n.*failpoint: /s.test(await asked.stderr()));
    await asked.stop();
  });

  test('are copied exactly while they are written to, and capture is killed', async () => {
    const dying = pipeline.process('capture');
    const random = new Random(testSeed(8));
    await pipeline.until('a part of a copy in the log', async () => {
      // Of the thirteen pieces; timed instead, a death that is due after the last of them would never come.
      const pauses = Array.from({ length: random.int(2, 9) }, () => `capture.rows-copied=pause:${random.int(0, 60)}@0`);
      dying.start({ FERRY_FAILPOINTS: [...pauses, 'capture.rows-copied=die:0@0'].join() });
      dying.mayEnd();
      await dying.ended;
      return hasPartOf('public.busy');
    });
    pipeline.capture.start();
    await pipeline.untilStreaming();
    // What the copy had seen already comes again.
    await pipeline.capture.kill();
    pipeline.capture.start();
    await pipeline.untilApplied();
    await load.stop();
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('one of several equal rows is changed, deleted, brought back', async () => {
    const one = (where: string) => `ctid = (SELECT min(ctid) FROM public.facts WHERE ${where})`;
    await commit(
      `UPDATE public.facts SET b = 'changed' WHERE ${one('a = 1')}`,
      `DELETE FROM public.facts WHERE ${one("a = 1 AND b = 'b'")}`,
      `DELETE FROM public.facts WHERE ${one('a IS NULL')}; INSERT INTO public.facts (b) VALUES (''), ('')`,
      `UPDATE public.facts SET f = 1.00 WHERE a = 1; UPDATE public.facts SET a = a WHERE a = 2`,
      `DELETE FROM public.facts WHERE ${one("b = ''")}; ${facts('9', 400)}`,
      `DELETE FROM public.facts WHERE ctid IN (SELECT ctid FROM public.facts WHERE a = 9 LIMIT 399); UPDATE public.facts SET b = NULL WHERE a = 9`,
    );
    await pipeline.expectApplied('public.facts');
    await commit(`TRUNCATE public.facts; ${facts('5', 2)}`, 'DELETE FROM public.facts', facts('6', 2));
    await pipeline.expectApplied('public.facts');
  });

  test('a generated column in the primary key, and an index instead of it as replica identity', async () => {
    await commit(
      `UPDATE public.generated SET a = 'New' || n WHERE n < 3; DELETE FROM public.generated WHERE n = 5`,
      `UPDATE public.codes SET id = id + 100 WHERE id < 4; UPDATE public.codes SET code = 'new ' || code WHERE id IN (4, 101)`,
      `DELETE FROM public.codes WHERE code = 'c9'; INSERT INTO public.codes VALUES (9, 'c9', 'again')`,
      `UPDATE public.codes SET id = -id; UPDATE public.codes SET code = code || '!', id = -id WHERE id < -9`,
    );
    await pipeline.expectApplied();
  });

  test('verification counts equal rows, and a replay brings all of them again', async () => {
    const checked = await pipeline.ferry('check', '--json');
    const findings = checked.json<{ findings: { check: string; level: string }[] }>().findings;
    expect(findings.filter(({ check, level }) => /key/.test(check) && level !== 'ok')).toEqual([]);
    expect(await pipeline.ferry('verify', '--json')).toMatchObject({ code: 0 });
    await pipeline.target.query(`DELETE FROM growth.facts WHERE id = (SELECT min(id) FROM growth.facts)`);
    const verified = (await pipeline.ferry('verify', '--json')).json<{ tables: { source: string }[] }>();
    expect(verified.tables.find(({ source }) => source === 'public.facts')).toMatchObject({
      rows: 2,
      targetRows: 1,
      differences: [{ kind: 'missing' }],
    });
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true });
    await pipeline.expectApplied();
  });
});
