import { afterAll, beforeAll, expect, test } from 'vitest';
import { partitionOfKey } from '../../../platform/partition-of-key.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

const PARTITIONS = 2;
const idsOf = (partition: number) =>
  Array.from({ length: 200 }, (_, i) => i + 1).filter((id) => partitionOfKey([String(id)], PARTITIONS) === partition);
/** More than is read at once, so that a value that goes again does so in another batch. */
const FILLERS = 16;
const BIG = "pg_catalog.repeat('0123456789', 10000)";

/**
 * One partition has taken a value for its row. In the one behind it a row had that value before, for a while: no waiting helps,
 * and what is in the way of it is right.
 */
describeWithPostgres('a value that a row had for a while only, where a partition ahead has it by now', () => {
  let pipeline: Pipeline;
  const [[ahead], [behind, ...fillers]] = [idsOf(0), idsOf(1)] as [number[], number[]];

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      partitions: PARTITIONS,
      schemaSql: `
        CREATE TABLE public.names (id int PRIMARY KEY, name text UNIQUE, big text);
        CREATE TABLE public.rooms (id int PRIMARY KEY, at int4range, big text, EXCLUDE USING gist (at WITH &&));`,
      sourceSql: ['names', 'rooms']
        .map((table) => `INSERT INTO public.${table} (id) SELECT generate_series(1, 200)`)
        .join(';'),
      tables: { growth: fromPublic('names', 'rooms') },
    });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  /** The row behind has the value and gives it away, long before the one ahead gets it. */
  async function passValue(table: string, column: string, value: string): Promise<void> {
    const set = (id: number, to: string) => pipeline.source.query(`UPDATE public.${table} SET ${to} WHERE id = ${id}`);
    await set(behind!, `${column} = ${value}`);
    for (const id of fillers.slice(0, FILLERS)) await set(id, `big = ${BIG}`);
    await set(behind!, `${column} = NULL`);
    await set(ahead!, `${column} = ${value}`);
  }

  /** Nothing of the partition behind is written until the one ahead has come to its end. */
  async function whileBehindStands(table: string, column: string, work: () => Promise<void>): Promise<void> {
    const blocker = await pipeline.connect('target');
    await blocker.query(`BEGIN; SELECT FROM growth.${table} WHERE id = ${behind} FOR UPDATE`);
    await work();
    await pipeline.until('the row ahead to have the value', async () => {
      const { rows } = await pipeline.target.query(
        `SELECT FROM growth.${table} WHERE id = ${ahead} AND ${column} IS NOT NULL`,
      );
      return rows.length > 0;
    });
    await blocker.query('COMMIT');
    await blocker.end();
  }

  test.each([
    ['names', 'name', "'best'"],
    ['rooms', 'at', "'[1,5)'"],
  ])('goes through in the stream: %s', async (table, column, value) => {
    await whileBehindStands(table, column, () => passValue(table, column, value));
    await pipeline.expectApplied(`public.${table}`);
  });

  test('and in a table that catches up', async () => {
    const table = async (act: string) => expect((await pipeline.ferry('table', act, 'public.names')).code).toBe(0);
    await table('pause');
    await passValue('names', 'name', "'better'");
    await pipeline.source.query('INSERT INTO public.rooms (id) VALUES (1000)');
    await pipeline.until('the others to have gone on', async () => {
      return (await pipeline.target.query('SELECT FROM growth.rooms WHERE id = 1000')).rows.length > 0;
    });
    await pipeline.target.query(`UPDATE growth.names SET name = NULL WHERE id = ${ahead}`);
    await whileBehindStands('names', 'name', () => table('resume'));
    await pipeline.expectApplied('public.names');
    const { errors } = await pipeline.status();
    expect(errors).toEqual([]);
  });
});
