import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

/** As of a way back: rows that are there have a column that nothing brings, and that is NOT NULL. */
describeWithPostgres('a target column that is NOT NULL, and that the source does not have', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: 'CREATE TABLE public.members (id int PRIMARY KEY, name text, born date)',
      sourceSql: "INSERT INTO public.members SELECT n, 'name ' || n, '2000-01-01' FROM generate_series(1, 400) n",
      targetSql: `ALTER TABLE growth.members ADD pin text NOT NULL;
        INSERT INTO growth.members (id, name, pin) SELECT n, 'old', 'pin ' || n FROM generate_series(1, 400) n`,
      tables: { growth: fromPublic('members') },
      apply: { onRefusal: 'dead-letter' },
    });
    for (const service of [pipeline.capture, pipeline.transform, pipeline.apply]) service.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const there = async () => (await pipeline.target.query('SELECT id, name, pin FROM growth.members ORDER BY id')).rows;

  test('rows that are there change, by few and by many, and keep it', async () => {
    const copied = await there();
    expect(copied).toHaveLength(400);
    expect(copied[6]).toEqual({ id: '7', name: 'name 7', pin: 'pin 7' });
    await pipeline.source.query("UPDATE public.members SET name = 'one' WHERE id = 7");
    await pipeline.source.query("UPDATE public.members SET name = 'many' WHERE id > 100");
    await pipeline.source.query('DELETE FROM public.members WHERE id = 9');
    await pipeline.untilApplied();
    const changed = await there();
    expect(changed).toHaveLength(399);
    expect(changed[6]).toEqual({ id: '7', name: 'one', pin: 'pin 7' });
    expect(changed.slice(99).every(({ name, pin }) => name === 'many' && pin.startsWith('pin '))).toBe(true);
  });

  test('rows whose keys change take it along, in chains too', async () => {
    await pipeline.source.query('UPDATE public.members SET id = 500 WHERE id = 8');
    await pipeline.source.query(`BEGIN; UPDATE public.members SET name = 'last', id = 501 WHERE id = 1; UPDATE public.members SET id = 1 WHERE id = 2;
      UPDATE public.members SET id = 2 WHERE id = 501; UPDATE public.members SET name = 'first' WHERE id = 1; COMMIT`);
    await pipeline.untilApplied();
    const rows = await there();
    expect(rows.slice(0, 2)).toEqual([
      { id: '1', name: 'first', pin: 'pin 2' },
      { id: '2', name: 'last', pin: 'pin 1' },
    ]);
    expect(rows.at(-1)).toEqual({ id: '500', name: 'name 8', pin: 'pin 8' });
    expect(rows).toHaveLength(399);
  });

  test('a row that is not there is refused by name', async () => {
    await pipeline.source.query("INSERT INTO public.members (id, name) VALUES (1000, 'new')");
    await pipeline.untilApplied();
    const { rows } = await pipeline.target.query('SELECT sqlstate, tables, column_name FROM ferry.dead_letter');
    expect(rows).toEqual([{ sqlstate: '23502', tables: '{growth.members}', column_name: 'pin' }]);
  });
});
