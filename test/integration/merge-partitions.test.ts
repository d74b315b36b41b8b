import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { topicsOf } from '../../core/topics.js';
import { partitionOfGroup } from '../../platform/partition-of-key.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { Random, testSeed } from '../support/random.js';
import { describeWithPostgres } from '../support/servers.js';

const PARTITIONS = 4;
/** By what they are merged into: two merges that share a table are one group, in one partition. */
const GROUPS = { keys: 'ops.owners', tags: 'sec.tags' };
const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

const SCHEMA = `
  CREATE TABLE public.api_keys (id uuid PRIMARY KEY, key_hash text, name text);
  CREATE TABLE public.old_keys (id int PRIMARY KEY, key_hash text, name text);
  CREATE TABLE public.owners (id int PRIMARY KEY, name text);
  CREATE TABLE public.tags (id int PRIMARY KEY, label text);
  CREATE TABLE public.old_tags (id int PRIMARY KEY, label text);
  CREATE TABLE public.logs (id int PRIMARY KEY, note text)`;

const TARGET = `
  DROP TABLE public.api_keys, public.old_keys, public.owners, public.tags, public.old_tags;
  CREATE TABLE sec.api_keys (id uuid PRIMARY KEY, key_hash text UNIQUE, name text, origin text);
  CREATE TABLE sec.tags (id uuid PRIMARY KEY, label text UNIQUE);
  CREATE SCHEMA IF NOT EXISTS ops;
  CREATE TABLE ops.owners (id text PRIMARY KEY, name text)`;

const made = (key: string, more: object = {}) => ({ id: { uuid: ['id'], namespace: key }, ...more });
const [ONE, TWO] = [NAMESPACE, NAMESPACE.replace(/^6/, '7')] as const;

const TABLES = {
  sec: {
    api_keys: {
      merge: [
        { from: 'public.api_keys', columns: { origin: { constant: 'new' } } },
        { from: 'public.old_keys', columns: made(ONE, { origin: { constant: 'old' } }) },
      ],
      unique: ['key_hash'],
    },
    tags: {
      merge: [
        { from: 'public.tags', columns: made(ONE) },
        { from: 'public.old_tags', columns: made(TWO) },
      ],
      unique: ['label'],
    },
    logs: 'public.logs',
  },
  ops: {
    owners: {
      merge: [
        { from: 'public.owners', columns: { id: { from: 'id', steps: [{ prefix: 'o' }], cast: 'text' } } },
        {
          from: 'public.old_keys',
          pick: ['name'],
          columns: { id: { from: 'id', steps: [{ prefix: 'k' }], cast: 'text' } },
        },
      ],
    },
  },
} as const;

/** What must stand, said by SQL over the source. */
const KEYS = `
  SELECT DISTINCT ON (coalesce(key_hash, rank || key)) origin, key_hash, name FROM (
    SELECT 1 AS rank, '["' || id || '"]' AS key, 'new' AS origin, key_hash, name FROM public.api_keys
    UNION ALL SELECT 2, '["' || id || '"]', 'old', key_hash, name FROM public.old_keys) c
  ORDER BY coalesce(key_hash, rank || key), rank, key COLLATE "C"`;
const TAGS = 'SELECT label FROM public.tags UNION SELECT label FROM public.old_tags';
const OWNERS = `SELECT 'o' || id AS id, name FROM public.owners UNION ALL SELECT 'k' || id, name FROM public.old_keys`;

const inOrder = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();

function statement(random: Random): string {
  const hash = random.int(0, 9) === 0 ? 'NULL' : `'h${random.int(1, 20)}'`;
  const [id, some] = [random.int(1, 60), random.int(0, 5)];
  return random.pick([
    `INSERT INTO public.api_keys VALUES (gen_random_uuid(), ${hash}, 'n${id}')`,
    `UPDATE public.api_keys SET key_hash = ${hash} WHERE id IN (SELECT id FROM public.api_keys ORDER BY md5(id::text || '${id}') LIMIT 2)`,
    `DELETE FROM public.api_keys WHERE id IN (SELECT id FROM public.api_keys ORDER BY md5(id::text || '${id}') LIMIT 2)`,
    `INSERT INTO public.old_keys VALUES (${id}, ${hash}, 'o${id}') ON CONFLICT (id) DO UPDATE SET key_hash = EXCLUDED.key_hash`,
    `UPDATE public.old_keys SET id = id + 100 WHERE id < 100 AND id % 6 = ${some} AND NOT EXISTS (SELECT FROM public.old_keys o WHERE o.id % 100 % 6 = ${some} AND o.id > 100)`,
    `DELETE FROM public.old_keys WHERE id % 7 = ${some}`,
    `INSERT INTO public.tags VALUES (${id}, 't${id % 9}') ON CONFLICT (id) DO UPDATE SET label = EXCLUDED.label`,
    `INSERT INTO public.old_tags VALUES (${id}, 't${id % 8}') ON CONFLICT DO NOTHING; DELETE FROM public.tags WHERE id % 6 = ${some}`,
    `INSERT INTO public.logs VALUES (${id}, 'x') ON CONFLICT (id) DO UPDATE SET note = public.logs.note || 'x'`,
    ...(random.int(0, 12) === 0 ? ['TRUNCATE public.old_tags', 'TRUNCATE public.old_keys, public.owners'] : []),
  ]);
}

describeWithPostgres('tables merged over four partitions', () => {
  let pipeline: Pipeline;
  const random = new Random(testSeed(31));

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver: 'embedded',
      partitions: PARTITIONS,
      schemaSql: SCHEMA,
      sourceSql: `
        INSERT INTO public.api_keys SELECT md5(i::text)::uuid, 'h' || i, 'k' || i FROM generate_series(1, 12) i;
        INSERT INTO public.old_keys SELECT i, 'h' || i + 6, 'o' || i FROM generate_series(1, 12) i;
        INSERT INTO public.owners SELECT i, 'w' || i FROM generate_series(1, 9) i;
        INSERT INTO public.tags SELECT i, 't' || i % 5 FROM generate_series(1, 20) i;
        INSERT INTO public.old_tags SELECT i, 't' || i % 7 FROM generate_series(1, 20) i;
        INSERT INTO public.logs SELECT i, 'l' FROM generate_series(1, 40) i`,
      targetSql: TARGET,
      tables: TABLES,
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  async function expectMerged(): Promise<void> {
    await pipeline.untilApplied();
    const rows = async (side: 'source' | 'target', sql: string) => inOrder((await pipeline[side].query(sql)).rows);
    expect(await rows('target', 'SELECT origin, key_hash, name FROM sec.api_keys')).toEqual(await rows('source', KEYS));
    expect(await rows('target', 'SELECT label FROM sec.tags')).toEqual(await rows('source', TAGS));
    expect(await rows('target', 'SELECT id, name FROM ops.owners')).toEqual(await rows('source', OWNERS));
    expect(await rows('target', 'SELECT * FROM sec.logs')).toEqual(await rows('source', 'SELECT * FROM public.logs'));
  }

  const verified = async () => {
    const result = await pipeline.ferry('verify', '--json');
    expect(result.code, result.stdout + result.stderr).toBe(0);
  };

  test('each row stands once after the copy', async () => {
    await expectMerged();
  });

  test('and under random writes, with capture and apply killed among them', async () => {
    for (let i = 0; i < 80; i++) await pipeline.source.query(statement(random));
    await pipeline.apply.kill();
    await pipeline.capture.kill();
    for (let i = 0; i < 80; i++) await pipeline.source.query(statement(random));
    pipeline.apply.start();
    pipeline.capture.start();
    await expectMerged();
    await verified();
  });

  test('rows of a group are in one partition of the log, those of other tables in all', async () => {
    await using log = await pipeline.openLog();
    const { raw } = topicsOf(pipeline.config.name);
    const partitionsOf = async (table: string) => {
      const found = new Set<number>();
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const end = await log.endOffset({ topic: raw, partition });
        const records = await log.read({ topic: raw, partition, offset: 0 }, { maxBytes: 1 << 26, waitMs: 0 });
        // Heartbeats go on.
        expect(records.at(-1)!.offset).toBeGreaterThanOrEqual(end - 1);
        for (const { value } of records) if (hasRowsOf(value, table)) found.add(partition);
      }
      return [...found].sort();
    };
    for (const table of ['api_keys', 'old_keys', 'owners']) {
      expect(await partitionsOf(table)).toEqual([partitionOfGroup(GROUPS.keys, PARTITIONS)]);
    }
    expect(await partitionsOf('tags')).toEqual([partitionOfGroup(GROUPS.tags, PARTITIONS)]);
    expect(await partitionsOf('logs')).toEqual([0, 1, 2, 3]);
  });

  test('one of them is copied again beside the stream', async () => {
    const again = await pipeline.ferry('table', 'resnapshot', 'public.old_keys', '--yes', '--json');
    expect(again.code, again.stderr).toBe(0);
    for (let i = 0; i < 20; i++) await pipeline.source.query(statement(random));
    await pipeline.untilStreaming();
    await expectMerged();
  });

  test('capture refuses another grouping: the log has the rows in other partitions', async () => {
    await pipeline.capture.stop();
    const file = join(pipeline.config.directory, 'mapping', '0.yaml');
    const mapping = JSON.parse(await readFile(file, 'utf8')) as { tables: Record<string, object> };
    mapping.tables.tags = { from: 'public.tags', lineage: true, columns: made(ONE) };
    await writeFile(file, JSON.stringify(mapping));
    pipeline.capture.start();
    await pipeline.capture.ended;
    expect(await pipeline.capture.stderrTail()).toContain('rows of public.tags are placed otherwise than before');
  });
});

/** Whether a record has changes of rows of a table, or rows of its snapshot: an empty part of a chunk is none. */
function hasRowsOf(record: Buffer, table: string): boolean {
  const lines = record.toString().split('\n');
  const ids = lines.flatMap((line) => {
    const id = /^\{"relation":(\d+),/.exec(line)?.[1];
    return id !== undefined && line.includes(`"table":"${table}"`) ? [id] : [];
  });
  return lines.some((line) => {
    const [, id, op] = /^\{"rel":(\d+),.*?"op":"([a-z])"/.exec(line) ?? [];
    return id !== undefined && ids.includes(id) && (op !== 'r' || !/"rows":0,/.test(line));
  });
}
