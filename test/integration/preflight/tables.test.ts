import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { connect } from '../../../platform/postgres.js';
import { isReady } from '../../../services/control/preflight/run-preflight.js';
import { describeWithPostgres } from '../../support/servers.js';
import { brief, CheckedPair, only, pipelineOf, problems } from './checked-pair.js';

describeWithPostgres('preflight of tables, publication and slot', () => {
  let pair: CheckedPair;

  beforeAll(async () => {
    pair = await CheckedPair.open();
  });

  afterAll(async () => {
    await pair?.close();
  });

  beforeEach(() => pair.reset());

  test('a pair that fits gives one ok for each check', async () => {
    const columns = 'id bigint PRIMARY KEY, name varchar(10), at timestamptz';
    const findings = await pair.checkColumns({ source: columns, target: columns });
    expect(problems(findings)).toEqual([]);
    expect(isReady(findings)).toBe(true);
    expect(new Set(findings.map(({ check: name, side }) => `${side} ${name}`)).size).toBe(findings.length);
  });

  test('a table that does not exist is named with its place in the mapping and what was meant', async () => {
    await pair.source.query('CREATE TABLE public.customers (id int PRIMARY KEY)');
    await pair.target.query('CREATE TABLE growth.clients (id int PRIMARY KEY)');
    const findings = await pair.check(pipelineOf('  client:\n    from: public.custmers\n'));
    expect(brief(findings)).toEqual([
      'error source tables-exist public.custmers',
      'warn source unmapped-tables -',
      'error target tables-exist growth.client',
    ]);
    expect(findings.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        'mapping/growth.yaml:3:3: the source table public.custmers does not exist; did you mean public.customers?',
        'mapping/growth.yaml:3:3: the target table growth.client does not exist; did you mean growth.clients?',
      ]),
    );
  });

  test('what the WAL does not carry is refused, each with its reason', async () => {
    await pair.source.query(`
      CREATE TABLE public.base (id int PRIMARY KEY); CREATE VIEW public.v AS SELECT id FROM public.base;
      CREATE MATERIALIZED VIEW public.m AS SELECT id FROM public.base;
      CREATE UNLOGGED TABLE public.u (id int PRIMARY KEY);
      CREATE TABLE public.p (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE UNLOGGED TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (9);
      CREATE TABLE public.q (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE public.q1 PARTITION OF public.q DEFAULT;
      CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
      CREATE FOREIGN TABLE public.f (id int) SERVER nowhere`);
    const names = ['v', 'm', 'u', 'p', 'q', 'q1', 'f'];
    for (const name of names) await pair.target.query(`CREATE TABLE growth.${name} (id int PRIMARY KEY)`);
    const findings = await pair.check(pipelineOf(names.map((name) => `  ${name}: {from: public.${name}}\n`).join('')));
    await pair.source.query('DROP FOREIGN DATA WRAPPER nothing CASCADE');
    const kinds = problems(findings).filter((finding) => finding.check === 'table-kind');
    const refused = names.filter((name) => name !== 'q1');
    expect(kinds.map(({ object, level }) => `${level} ${object}`)).toEqual(
      refused.map((name) => `error public.${name}`),
    );
    expect(kinds.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('public.p is not moved whole: its partition public.p1 is unlogged'),
        expect.stringContaining('public.q is partitioned, and its partition public.q1 is mapped too'),
      ]),
    );
    expect(kinds.find(({ object }) => object === 'public.u')!.remedy).toBe('ALTER TABLE "public"."u" SET LOGGED');
    expect(only(findings, 'unmapped-tables').message).toContain('1 table not mapped');
  });

  test('partitioned tables and those that others inherit from are fine; a partition must identify its rows too', async () => {
    const parted = `CREATE TABLE %.p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
      CREATE TABLE %.p1 PARTITION OF %.p FOR VALUES FROM (0) TO (9)`;
    const inherited = 'CREATE TABLE %.parent (id int PRIMARY KEY); CREATE TABLE %.child () INHERITS (%.parent)';
    await pair.source.query(`${parted}; ${inherited}`.replaceAll('%', 'public'));
    await pair.target.query(`${parted}; ${inherited}`.replaceAll('%', 'growth'));
    const pipeline = pipelineOf('  p: {from: public.p}\n  parent: {from: public.parent}\n');
    expect(brief(await pair.check(pipeline))).toEqual(['warn source unmapped-tables -']);
    await pair.source.query('ALTER TABLE public.p1 REPLICA IDENTITY NOTHING');
    expect(only(await pair.check(pipeline), 'row-key')).toMatchObject({
      object: 'public.p',
      message: expect.stringContaining('its partition public.p1: REPLICA IDENTITY NOTHING'),
      remedy: 'ALTER TABLE "public"."p1" REPLICA IDENTITY DEFAULT',
    });
  });

  test.each([
    [
      'CREATE TABLE public.t (id int NOT NULL)',
      expect.stringContaining('ADD PRIMARY KEY (...), or REPLICA IDENTITY FULL'),
    ],
    [
      'CREATE TABLE public.t (id int NOT NULL UNIQUE)',
      'ALTER TABLE "public"."t" REPLICA IDENTITY USING INDEX "t_id_key"',
    ],
    [
      'CREATE TABLE public.t (id int PRIMARY KEY); ALTER TABLE public.t REPLICA IDENTITY NOTHING',
      'ALTER TABLE "public"."t" REPLICA IDENTITY DEFAULT',
    ],
    [
      'CREATE TABLE public.t (id int) PARTITION BY RANGE (id); ALTER TABLE public.t REPLICA IDENTITY FULL',
      expect.stringContaining('ADD PRIMARY KEY (...), or map its partitions'),
    ],
    ['CREATE TABLE public.t (id int PRIMARY KEY DEFERRABLE)', expect.stringContaining('REPLICA IDENTITY FULL')],
  ])('a table whose rows nothing identifies is refused: %s', async (create, remedy) => {
    await pair.source.query(create);
    await pair.target.query('CREATE TABLE growth.t (id int PRIMARY KEY)');
    const findings = await pair.check(pipelineOf('  t: {from: public.t}\n'));
    expect(brief(findings).filter((text) => text.startsWith('error'))).toEqual(['error source row-key public.t']);
    expect(only(findings, 'row-key')).toMatchObject({ remedy });
  });

  test('a replica identity index does as a key', async () => {
    await pair.source.query(`CREATE TABLE public.t (id int, code text COLLATE "C" NOT NULL UNIQUE);
      ALTER TABLE public.t REPLICA IDENTITY USING INDEX t_code_key`);
    await pair.target.query('CREATE TABLE growth.t (id int, code text COLLATE "C" PRIMARY KEY)');
    expect(problems(await pair.check(pipelineOf('  t: {from: public.t}\n')))).toEqual([]);
  });

  test('a table without a key moves with its whole rows in the WAL, into one that has no key for them either', async () => {
    await pair.source.query('CREATE TABLE public.t (a int, b int); ALTER TABLE public.t REPLICA IDENTITY FULL');
    await pair.target.query('CREATE TABLE growth.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b int)');
    const pipeline = pipelineOf('  t: {from: public.t}\n');
    expect(problems(await pair.check(pipeline))).toEqual([]);
    await pair.target.query('CREATE UNIQUE INDEX once ON growth.t (a)');
    expect(only(await pair.check(pipeline), 'target-key')).toMatchObject({
      level: 'warn',
      remedy: 'DROP INDEX "growth"."once"',
    });
  });

  test('rows of the target that no checkpoint explains are refused', async () => {
    const columns = 'id int PRIMARY KEY';
    const findings = await pair.checkColumns({ source: columns, target: columns });
    expect(problems(findings)).toEqual([]);
    await pair.target.query('INSERT INTO growth.t VALUES (1)');
    const pipeline = pipelineOf('  t: {from: public.t}\n');
    expect(brief(await pair.check(pipeline))).toEqual(['error target target-empty growth.t']);
    await ensureControlSchema(pair.target);
    await pair.target.query("INSERT INTO ferry.checkpoint (pipeline, topic, partition) VALUES ($1, 't', 0)", [
      pipeline.name,
    ]);
    expect(problems(await pair.check(pipeline))).toEqual([]);
  });

  test('a publication that was made beforehand must publish every change, as the snapshot can read it', async () => {
    await pair.source.query(
      `CREATE TABLE public.a (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
       CREATE TABLE public.b (id int PRIMARY KEY); CREATE TABLE public.c (id int PRIMARY KEY) PARTITION BY RANGE (id);
       CREATE TABLE public.c1 PARTITION OF public.c DEFAULT`,
    );
    await pair.target.query(
      `CREATE TABLE growth.a (id int PRIMARY KEY, n int); CREATE TABLE growth.b (id int PRIMARY KEY);
       CREATE TABLE growth.c (id int PRIMARY KEY)`,
    );
    const pipeline = pipelineOf('  a: {from: public.a}\n  b: {from: public.b}\n  c: {from: public.c}\n');
    const name = `ferry_${pipeline.name}`;
    await pair.source.query(
      `CREATE PUBLICATION ${name} FOR TABLE public.a (n) WHERE (n > 5), public.c WITH (publish = 'insert, update')`,
    );
    const findings = problems(await pair.check(pipeline));
    expect(findings.map(({ check: checked, message }) => [checked, message])).toEqual([
      ['publication', `the publication ${name} does not publish delete, truncate`],
      ['publication', `the publication ${name} lacks public.b`],
      ['publication', `the publication ${name} publishes changes of public.c as those of public.c1`],
      [
        'publication',
        `the row filter of public.a in ${name} reads n, which its replica identity lacks: the source refuses UPDATE and DELETE`,
      ],
      [
        'publication',
        `the column list of public.a in ${name} leaves out id of its replica identity: the source refuses UPDATE and DELETE`,
      ],
    ]);
    await pair.source.query(findings[0]!.remedy!);
    await pair.source.query(findings[1]!.remedy!);
    await pair.source.query(`ALTER PUBLICATION ${name} SET (publish_via_partition_root = true)`);
    await pair.source.query(`ALTER PUBLICATION ${name} SET TABLE public.a (id), public.b WHERE (id > 5), public.c`);
    expect(brief(await pair.check(pipeline))).toEqual([
      'warn source publication public.a',
      'warn source publication public.b',
    ]);
    await pair.source.query(`ALTER PUBLICATION ${name} SET TABLE public.a, public.b, public.c`);
    expect(problems(await pair.check(pipeline))).toEqual([]);
  });

  test("the pipeline's own slot is fine; one of its name that is another's is not", async () => {
    const columns = 'id int PRIMARY KEY';
    await pair.checkColumns({ source: columns, target: columns });
    const pipeline = pipelineOf('  t: {from: public.t}\n');
    const slot = `ferry_${pipeline.name}`;
    await pair.source.query('SELECT pg_create_logical_replication_slot($1, $2)', [slot, 'pgoutput']);
    const found = (await pair.check(pipeline)).find((finding) => finding.check === 'replication-slot');
    expect(found).toMatchObject({ level: 'ok', object: slot, message: expect.stringContaining('waits for capture') });
    await pair.source.query('SELECT pg_drop_replication_slot($1)', [slot]);
    await pair.source.query('SELECT pg_create_physical_replication_slot($1)', [slot]);
    expect(brief(await pair.check(pipeline))).toEqual([`error source replication-slot ${slot}`]);
    await pair.source.query('SELECT pg_drop_replication_slot($1)', [slot]);
  });

  test('a type of an extension that the target lacks is named with its column', async () => {
    await pair.source.query(
      'CREATE EXTENSION citext SCHEMA public; CREATE TABLE public.t (id int PRIMARY KEY, c public.citext[])',
    );
    const findings = await pair.check(pipelineOf('  t: {from: public.t}\n'));
    expect(only(findings, 'extension-types')).toMatchObject({
      level: 'error',
      message: 'the target lacks the extension citext, which public.t.c needs',
      remedy: 'CREATE EXTENSION "citext"',
    });
  });

  test('a check that cannot run is an error finding, not an exception', async () => {
    const columns = 'id int PRIMARY KEY';
    await pair.checkColumns({ source: columns, target: columns });
    const closed = await connect('source', pair.databases.source.url, { applicationName: 'test' });
    await closed.end();
    const findings = await pair.check(pipelineOf('  t: {from: public.t}\n'), { source: closed });
    expect(isReady(findings)).toBe(false);
    expect(findings.find(({ check: name }) => name === 'wal-level')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('this check could not run'),
    });
    expect(findings.filter(({ level }) => level === 'ok').map(({ check: name }) => name)).toContain('replica-role');
  });
});
