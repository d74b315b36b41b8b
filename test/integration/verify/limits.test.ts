import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { connect } from '../../../platform/postgres.js';
import { refuseUncopied } from '../../../services/control/verify/copied-tables.js';
import type { SqlClient } from '../../../services/control/verify/session.js';
import { describeWithPostgres } from '../../support/servers.js';
import { mapping, Pair } from './pair.js';

describeWithPostgres('the limits of verification', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await Pair.open();
  });
  afterAll(() => pair?.close());
  beforeEach(() => pair.reset());

  test('a target with many rows too many is named up to a hundred and counted', async () => {
    await pair.both('id int PRIMARY KEY', 'INSERT INTO @ SELECT generate_series(1, 50)');
    await pair.target.query('INSERT INTO growth.t SELECT generate_series(51, 1050)');
    let mostRows = 0;
    const connectTarget = async (): Promise<SqlClient> => {
      const client = await connect('target', pair.databases.target.url, { applicationName: 'test' });
      return {
        query: async (statement) => {
          const result = await client.query<unknown[]>(statement);
          mostRows = Math.max(mostRows, result.rows.length);
          return result;
        },
        end: () => client.end(),
      };
    };
    const report = await pair.verifyOne(mapping(), { chunkRows: 100, connectTarget });
    expect(mostRows).toBe(100);
    expect(report).toMatchObject({ rows: 50, targetRows: 1050, equal: false, differencesTotal: 1000, unsettled: 0 });
    expect(report.differences).toHaveLength(100);
    expect(report.differences[0]).toEqual({ key: [expect.any(String)], kind: 'extra' });
  });

  test('several tables at once are reported in their order, and progress ends with each report', async () => {
    await pair.both('id int PRIMARY KEY', 'INSERT INTO @ SELECT generate_series(1, 250)');
    await pair.source.query('CREATE TABLE public."U v" (id int PRIMARY KEY)');
    await pair.target.query('CREATE TABLE growth."U v" (id int PRIMARY KEY); INSERT INTO growth."U v" VALUES (1)');
    const seen: string[] = [];
    const tables = [mapping(), mapping({ source: 'public.U v', target: 'growth.U v' })];
    const report = await pair.verify(tables, {
      parallel: 2,
      onProgress: ({ target: table, rows, report }) => seen.push(`${table} ${rows} ${report?.equal ?? '-'}`),
    });
    expect(report.tables.map(({ target: table, equal }) => [table, equal])).toEqual([
      ['growth.t', true],
      ['growth.U v', false],
    ]);
    expect(seen.filter((line) => line.startsWith('growth.t'))).toEqual([
      'growth.t 0 -',
      'growth.t 0 -',
      'growth.t 100 -',
      'growth.t 200 -',
      'growth.t 250 -',
      'growth.t 250 true',
    ]);
  });

  test('rows that a policy would hide fail the verification', async () => {
    await pair.both('id int PRIMARY KEY', 'INSERT INTO @ VALUES (1)');
    // Roles belong to the whole server.
    const reader = `${pair.databases.target.name}_reader`;
    await pair.target.query(`CREATE ROLE ${reader} LOGIN PASSWORD 'reader';
      GRANT USAGE ON SCHEMA growth TO ${reader}; GRANT SELECT ON growth.t TO ${reader};
      ALTER TABLE growth.t ENABLE ROW LEVEL SECURITY`);
    const url = new URL(pair.databases.target.url);
    url.username = reader;
    url.password = 'reader';
    try {
      await expect(
        pair.verify([mapping()], { connectTarget: () => connect('target', url.href, { applicationName: 'test' }) }),
      ).rejects.toMatchObject({ code: 'privilege-missing', message: expect.stringContaining('row-level security') });
    } finally {
      await pair.target.query(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`);
    }
  });

  test.each([
    ['a missing table', '', 'target-unfit', 'the target has no table growth.t'],
    ['a missing column', 'CREATE TABLE growth.t (id int PRIMARY KEY)', 'target-unfit', 'growth.t has no column a'],
  ])('%s is an error', async (_, ddl, code, message) => {
    await pair.source.query('CREATE TABLE public.t (id int PRIMARY KEY, a int)');
    await pair.target.query(ddl);
    await expect(pair.verify([mapping()])).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('equal rows of a table without a key are counted', async () => {
    await pair.both('id int, note json', `INSERT INTO @ VALUES (1, NULL), (1, NULL), (1, '{}'), (NULL, NULL)`);
    expect(await pair.verify([mapping()])).toMatchObject({ ok: true, tables: [{ rows: 4, targetRows: 4 }] });
    await pair.target.query('DELETE FROM growth.t WHERE note IS NOT NULL; INSERT INTO growth.t VALUES (1, NULL)');
    expect((await pair.verify([mapping()])).tables[0]).toMatchObject({
      rows: 4,
      targetRows: 4,
      differencesTotal: 2,
      differences: expect.arrayContaining([
        expect.objectContaining({ kind: 'missing' }),
        expect.objectContaining({ kind: 'extra' }),
      ]),
    });
  });

  test('an abort ends it with its reason', async () => {
    await pair.both('id int PRIMARY KEY', 'INSERT INTO @ SELECT generate_series(1, 1000)');
    const controller = new AbortController();
    const running = pair.verify([mapping()], {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('the pause is used up')),
    });
    await expect(running).rejects.toThrow('the pause is used up');
  });

  test('tables that are not copied to the end are refused by name', async () => {
    const tables = [mapping(), mapping({ source: 'public.u', target: 'growth.u' })];
    const chosen = { pipeline: 'demo', partitions: 1, tables };
    await expect(refuseUncopied(pair.target, chosen)).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('public.t, public.u'),
    });
    await ensureControlSchema(pair.target);
    await pair.target.query(`INSERT INTO ferry.table_state VALUES ('demo', 'public.t', 0, true), ('demo', 'public.u', 0, false),
      ('another', 'public.u', 0, true)`);
    await expect(refuseUncopied(pair.target, chosen)).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringMatching(/: public\.u$/),
    });
    await pair.target.query('UPDATE ferry.table_state SET copied = true');
    await refuseUncopied(pair.target, chosen);
  });
});
