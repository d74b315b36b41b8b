import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithPostgres } from '../../support/servers.js';
import { brief, CheckedPair, only, pipelineOf, problems } from './checked-pair.js';

describeWithPostgres('preflight of columns and keys', () => {
  let pair: CheckedPair;

  beforeAll(async () => {
    pair = await CheckedPair.open();
  });

  afterAll(async () => {
    await pair?.close();
  });

  beforeEach(() => pair.reset());

  test('columns and types that do not fit are named with both types and the place', async () => {
    await pair.source.query("CREATE TYPE public.status AS ENUM ('new', 'done')");
    await pair.target.query("CREATE TYPE growth.status AS ENUM ('new')");
    const findings = await pair.checkColumns(
      {
        source: `id int PRIMARY KEY, name varchar(20), price numeric(10,2), n bigint, st public.status, gone text,
                 made text, counter int, maybe text, calc int GENERATED ALWAYS AS (1) STORED`,
        target: `id bigint PRIMARY KEY, title varchar(10), price numeric(8,2), n int, st growth.status,
                 made text GENERATED ALWAYS AS ('x') STORED, counter int GENERATED ALWAYS AS IDENTITY,
                 maybe text NOT NULL, calc int, needed text NOT NULL, fine text NOT NULL DEFAULT ''`,
      },
      '    rename:\n      name: title\n',
    );
    expect(brief(findings)).toEqual([
      'error target column-fit growth.t.title',
      'error target column-fit growth.t.price',
      'error target column-fit growth.t.n',
      'error target column-fit growth.t.st',
      'error target column-fit growth.t',
      'error target column-fit growth.t.made',
      'error target column-fit growth.t.counter',
      'warn target column-fit growth.t.maybe',
      'warn target column-fit growth.t.calc',
      'error target column-fit growth.t.needed',
    ]);
    const messages = problems(findings).map(({ message }) => message);
    expect(messages[0]).toBe(
      'mapping/growth.yaml:6:7: growth.t.title is character varying(10), which does not hold every ' +
        'character varying(20) of public.t.name: narrower, or of another length',
    );
    expect(messages[3]).toContain('growth.t.st is growth.status');
    expect(messages[3]).toContain('without the label done');
    expect(messages[4]).toContain('growth.t has no column gone for public.t.gone');
  });

  test('a wider target fits', async () => {
    await pair.source.query(`CREATE TYPE public.status AS ENUM ('new'); CREATE DOMAIN public.mail AS varchar(80)`);
    await pair.target.query(`CREATE TYPE growth.state AS ENUM ('old', 'new'); CREATE TYPE growth.addr AS (a text)`);
    const findings = await pair.checkColumns({
      source: 'id int PRIMARY KEY, a varchar(10), b public.status, c numeric(8,2), d public.mail, e int[], f real',
      target: 'id bigint PRIMARY KEY, a text, b growth.state, c numeric(12,4), d varchar(80), e bigint[], f float8',
    });
    expect(problems(findings)).toEqual([]);
  });

  test('a renamed column that the source does not have is named at its own place', async () => {
    const findings = await pair.checkColumns(
      { source: 'id int PRIMARY KEY, email text', target: 'id int PRIMARY KEY, email text' },
      '    rename:\n      emial: mail\n',
    );
    expect(only(findings, 'renamed-columns').message).toBe(
      'mapping/growth.yaml:6:7: public.t has no column emial; did you mean email?',
    );
  });

  test.each([
    ['id int, other int', 'ALTER TABLE "growth"."t" ADD PRIMARY KEY ("id")'],
    ['id int, other int PRIMARY KEY', 'ALTER TABLE "growth"."t" DROP CONSTRAINT "t_pkey", ADD PRIMARY KEY ("id")'],
    [
      'id int PRIMARY KEY DEFERRABLE, other int',
      'ALTER TABLE "growth"."t" DROP CONSTRAINT "t_pkey", ADD PRIMARY KEY ("id")',
    ],
  ])('a target without the mapped key is refused, and the remedy helps: %s', async (columns, remedy) => {
    const findings = await pair.checkColumns({ source: 'id int PRIMARY KEY, other int NOT NULL', target: columns });
    expect(only(findings, 'target-key')).toMatchObject({ level: 'error', remedy });
    await pair.target.query(remedy);
    expect(brief(await pair.check(pipelineOf('  t: {from: public.t}\n')))).not.toContain(
      'error target target-key growth.t',
    );
  });

  test('a target whose key has columns beside the mapped one takes its rows with lineage', async () => {
    const target = 'id int, other int, PRIMARY KEY (id, other)) PARTITION BY RANGE (other';
    const findings = await pair.checkColumns({ source: 'id int PRIMARY KEY, other int NOT NULL', target });
    expect(only(findings, 'target-key')).toMatchObject({ remedy: expect.stringContaining('Say `lineage: true`') });
    expect(problems(await pair.check(pipelineOf('  t: {from: public.t, lineage: true}\n')))).toEqual([]);
  });

  test.each([
    'u int, CONSTRAINT once UNIQUE (u)',
    'u int); CREATE UNIQUE INDEX once ON growth.t (u); CREATE TABLE growth.other (id int',
  ])('unique values that the source checks later are refused, and the remedy helps: %s', async (columns) => {
    const source = 'id int PRIMARY KEY, u int UNIQUE DEFERRABLE';
    const findings = await pair.checkColumns({ source, target: `id int PRIMARY KEY, ${columns}` });
    const { level, message, remedy } = only(findings, 'deferrable-keys');
    expect(level).toBe('error');
    expect(message).toContain('growth.t checks once (u) at once, public.t its t_u_key at the end');
    await pair.target.query(remedy!);
    expect(problems(await pair.check(pipelineOf('  t: {from: public.t}\n')))).toEqual([]);
  });

  test('keys that sort differently are a warning', async () => {
    const findings = await pair.checkColumns({
      source: 'id text COLLATE "C" PRIMARY KEY',
      target: 'id text COLLATE "ucs_basic" PRIMARY KEY',
    });
    expect(brief(findings)).toEqual(['warn target key-collation growth.t.id']);
  });
});
