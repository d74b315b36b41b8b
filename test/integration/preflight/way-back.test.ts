import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Finding } from '../../../services/control/preflight/finding.js';
import { isReady } from '../../../services/control/preflight/run-preflight.js';
import { describeWithPostgres } from '../../support/servers.js';
import { brief, CheckedPair, pipelineOf } from './checked-pair.js';

const wayBack = (findings: readonly Finding[]) => findings.filter(({ check }) => check === 'way-back');

describeWithPostgres('preflight of the way back', () => {
  let pair: CheckedPair;

  beforeAll(async () => {
    pair = await CheckedPair.open();
  });
  afterAll(async () => {
    await pair?.close();
  });
  beforeEach(async () => {
    await pair.reset();
  });

  test('types of both catalogs that are the same come back whole', async () => {
    const types = (schema: string) =>
      `CREATE TYPE ${schema}.kind AS ENUM ('x', 'y'); CREATE DOMAIN ${schema}.mail AS varchar(90);
       CREATE TYPE ${schema}.place AS (street text, at int); CREATE TYPE ${schema}.span AS RANGE (subtype = int)`;
    const columns = (schema: string) =>
      `id int PRIMARY KEY, a ${schema}.kind, b ${schema}.mail, c ${schema}.place, d ${schema}.span, e ${schema}.kind[],
       f numeric(8,2), g timestamptz, h jsonb, i int GENERATED ALWAYS AS (id + 1) STORED`;
    await pair.source.query(types('public'));
    await pair.target.query(types('growth'));
    const findings = await pair.checkColumns({ source: columns('public'), target: columns('growth') });
    expect(wayBack(findings)).toEqual([
      {
        check: 'way-back',
        level: 'ok',
        side: 'target',
        message: 'the mapping can be inverted: no write of the new project is one-way',
      },
    ]);
  });

  test('what is one-way is named at its place, and stands against nothing', async () => {
    await pair.source.query("CREATE TYPE public.kind AS ENUM ('x', 'y')");
    await pair.target.query("CREATE TYPE growth.role AS ENUM ('r', 's', 't')");
    const findings = await pair.checkColumns(
      {
        source: 'id int PRIMARY KEY, n int NOT NULL, kind public.kind, first text, secret text NOT NULL',
        target: 'id int PRIMARY KEY, n bigint, role growth.role, name text, plan text',
      },
      `    drop: [secret, kind, first]
    columns:
      role: {from: kind, steps: [{map: {x: r, y: s}}]}
      name: {from: first, steps: [trim]}
`,
    );
    expect(isReady(findings)).toBe(true);
    expect(wayBack(findings).map(({ level, object, message }) => `${level} ${object} ${message}`)).toEqual(
      [
        '3:3: not every value of growth.t.n comes back as it is: n is integer, which refuses or rounds what it does not hold',
        '3:3: not every value of growth.t.n comes back as it is: n is NOT NULL, which refuses a null',
        '7:7: not every value of growth.t.role comes back as it is: t stands for no value of kind, and halts the way back',
        '8:7: what is written to growth.t.name does not come back: trim of first',
        '3:3: what is written to growth.t.plan does not come back: public.t has no column for it',
        '5:26: public.t.first keeps what it has, and is null in a row that is new in growth.t: nothing gives it back',
        '5:12: a row that is new in growth.t cannot be written to public.t: public.t.secret is NOT NULL without a default, and nothing gives it back',
      ].map((text) => `ok growth.t mapping/growth.yaml:${text}`),
    );
  });

  test('the key of the new table, and its replica identity, are what its changes carry', async () => {
    const columns = { source: 'id int PRIMARY KEY, a int', target: 'id int NOT NULL UNIQUE, a int PRIMARY KEY' };
    expect(wayBack(await pair.checkColumns(columns)).map(({ message }) => message)).toEqual([
      'mapping/growth.yaml:3:3: nothing written to growth.t comes back to public.t: no key of growth.t gives back id, by which rows of public.t are found (unless it has REPLICA IDENTITY FULL)',
    ]);
    await pair.target.query('ALTER TABLE growth.t REPLICA IDENTITY FULL');
    expect(wayBack(await pair.checkMapping('  t:\n    from: public.t\n')).map(({ message }) => message)).toEqual([
      expect.stringContaining('can be inverted'),
    ]);
  });

  test('a way back may find full tables, and what it refuses stands against nothing', async () => {
    await pair.source.query('CREATE TABLE public.t (id bigint PRIMARY KEY); CREATE TABLE public.beside (id int)');
    await pair.target.query('CREATE TABLE growth.t (id int PRIMARY KEY, secret text NOT NULL)');
    await pair.target.query("INSERT INTO growth.t VALUES (1, 'x')");
    const forward = pipelineOf('  t:\n    from: public.t\n');
    const place = { file: 'pipeline.yaml', line: 1, column: 1 };
    const back = { ...forward, wayBackOf: { name: 'forward', directory: '..', place } };
    expect(brief(await pair.check(forward))).toEqual([
      'warn source unmapped-tables -',
      'error target column-fit growth.t.id',
      'error target column-fit growth.t.secret',
      'error target target-empty growth.t',
    ]);
    const findings = await pair.check(back);
    expect(brief(findings)).toEqual(['warn target column-fit growth.t.id', 'warn target column-fit growth.t.secret']);
    expect(findings.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['nothing comes back of 1 table: public.beside', 'it is the way back of forward']),
    );
  });

  test('a table that is not there yet is said to be unknown', async () => {
    await pair.source.query('CREATE TABLE public.t (id int PRIMARY KEY)');
    const findings = await pair.checkMapping('  t:\n    from: public.t\n');
    expect(wayBack(findings).map(({ message }) => message)).toEqual([
      'not known yet for 1 table of which a side is missing',
    ]);
  });
});
