import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

/** The most that PostgreSQL has in a table, the key included. */
const MOST_COLUMNS = 1600;
const WIDE = Array.from({ length: MOST_COLUMNS - 1 }, (_, i) => `c${i} ${['text', 'int', 'boolean'][i % 3]}`);

const SCHEMA = `
  CREATE TABLE public.wide (id int PRIMARY KEY, ${WIDE.join(', ')});
  CREATE TABLE public.odd (gone int, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int DEFAULT 5, b text DEFAULT 'b',
    g int GENERATED ALWAYS AS (a * 2) STORED, gone_too text);
  ALTER TABLE public.odd DROP gone, DROP gone_too, ADD z int NOT NULL DEFAULT 7, ADD y text DEFAULT 'y'`;

/** The same columns in another order, with other defaults, and with columns that the source has not. */
const OTHER_ODD = `
  DROP TABLE growth.odd;
  CREATE TABLE growth.odd (y text DEFAULT 'no', extra text NOT NULL DEFAULT 'of its own', g int GENERATED ALWAYS AS (a * 2) STORED,
    b text DEFAULT 'no', z int NOT NULL, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    own text GENERATED ALWAYS AS (y || 'x') STORED, a int DEFAULT 77);
  CREATE FUNCTION growth.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''a trigger fired''; END';
  CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON growth.odd FOR EACH ROW EXECUTE FUNCTION growth.refuse()`;

describeWithPostgres('columns', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver: 'embedded',
      schemaSql: SCHEMA,
      sourceSql: `
        INSERT INTO public.wide (id, c0, c1) SELECT i, 'x', i FROM generate_series(1, 60) i;
        INSERT INTO public.odd (a, b, y) SELECT NULL, NULL, NULL FROM generate_series(1, 5); INSERT INTO public.odd (a) VALUES (1)`,
      targetSql: OTHER_ODD,
      tables: { growth: fromPublic('wide', 'odd') },
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  /** In both tables' common columns, the generated one included. */
  async function expectOddEqual(): Promise<void> {
    await pipeline.untilApplied();
    const columns = 'id, a, b, g, y, z';
    const source = await pipeline.source.query(`SELECT ${columns} FROM public.odd ORDER BY id`);
    const target = await pipeline.target.query(`SELECT ${columns} FROM growth.odd ORDER BY id`);
    expect(target.rows).toEqual(source.rows);
  }

  test('1,600 of them, by snapshot and stream', async () => {
    await pipeline.expectApplied('public.wide');
    await pipeline.source.query(`
      UPDATE public.wide SET c5 = true WHERE id > 5; DELETE FROM public.wide WHERE id < 4;
      INSERT INTO public.wide (id, c${MOST_COLUMNS - 2}) SELECT i, i % 2 = 0 FROM generate_series(1001, 1310) i;
      UPDATE public.wide SET id = -id WHERE id < 20`);
    await pipeline.expectApplied('public.wide');
  });

  test('in another order, dropped, generated on one side or both, and no default or trigger fires', async () => {
    await expectOddEqual();
    await pipeline.source.query(`
      INSERT INTO public.odd (a, b, y) VALUES (NULL, NULL, NULL), (3, 'x', DEFAULT);
      UPDATE public.odd SET a = NULL WHERE id = 6; UPDATE public.odd SET id = DEFAULT WHERE id = 2; DELETE FROM public.odd WHERE id = 1;
      INSERT INTO public.odd (a) SELECT generate_series(1, 400)`);
    await expectOddEqual();
    const { rows } = await pipeline.target.query('SELECT DISTINCT extra FROM growth.odd');
    expect(rows).toEqual([{ extra: 'of its own' }]);
  });

  test('verification compares all of them', async () => {
    expect(await pipeline.ferry('verify', '--json')).toMatchObject({ code: 0 });
    await pipeline.target.query(`UPDATE growth.wide SET c${MOST_COLUMNS - 2} = NULL WHERE id = 1002`);
    const verified = (await pipeline.ferry('verify', '--json')).json<{ tables: { source: string }[] }>();
    expect(verified.tables.find(({ source }) => source === 'public.wide')).toMatchObject({
      differences: [{ key: ['1002'], kind: 'different', columns: [`c${MOST_COLUMNS - 2}`] }],
    });
  });
});
