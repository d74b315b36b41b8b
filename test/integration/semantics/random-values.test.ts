import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { testSeed } from '../../support/random.js';
import { defineType, type NamedType, typeTree } from '../../support/random-types.js';
import { describeWithPostgres } from '../../support/servers.js';

const TABLES = 30;
const ROWS = 8;
const SEED = testSeed(2026);

/** Types and values that nobody has thought of: what the source's server makes of each literal must arrive. */
describeWithPostgres(`random values of random types, seed ${SEED}`, () => {
  const ddl: string[] = [];
  const tables = fc
    .sample(fc.array(typeTree, { minLength: 3, maxLength: 6 }), { seed: SEED, numRuns: TABLES })
    .map((trees, i) => ({ name: `t${i}`, columns: trees.map((tree) => defineType(tree, ddl)) }));
  let pipeline: Pipeline;

  beforeAll(async () => {
    const create = tables.map(
      ({ name, columns }) =>
        `CREATE TABLE public.${name} (id int PRIMARY KEY, ${columns.map(({ sql }, i) => `c${i} ${sql}`).join(', ')})`,
    );
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: [...ddl, ...create].join(';\n'),
      sourceSql: insertAll(1),
      tables: { growth: fromPublic(...tables.map(({ name }) => name)) },
      capture: { snapshotParallelTables: 8 },
    });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  /** A row of NULLs, and rows of values. */
  function insertAll(firstKey: number): string {
    return tables
      .flatMap(({ name, columns }, table) => [
        `INSERT INTO public.${name} (id) VALUES (${firstKey})`,
        ...rowsOf(columns, SEED + firstKey + table).map(
          (row, i) => `INSERT INTO public.${name} VALUES (${[firstKey + i + 1, ...row].join(', ')})`,
        ),
      ])
      .join(';\n');
  }

  test('arrive by the snapshot', async () => {
    await pipeline.expectApplied();
  });

  test('and by the stream, as inserts and as updates', async () => {
    await pipeline.source.query(insertAll(101));
    await pipeline.source.query(
      tables
        .map(({ name, columns }) => {
          const set = columns.map((_, i) => `c${i} = f.c${i}`).join(', ');
          return `UPDATE public.${name} t SET ${set} FROM public.${name} f WHERE t.id < 100 AND f.id = t.id + 100`;
        })
        .join(';\n'),
    );
    await pipeline.expectApplied();
  });

  test('verification finds them equal, and a replay brings them again', async () => {
    expect(await pipeline.ferry('verify', '--json')).toMatchObject({ code: 0 });
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true });
    await pipeline.expectApplied();
  });
});

function rowsOf(columns: readonly NamedType[], seed: number): string[][] {
  return fc.sample(fc.tuple(...columns.map(({ value }) => value)), { seed, numRuns: ROWS });
}
