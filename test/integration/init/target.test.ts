import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadPipeline } from '../../../platform/load-pipeline.js';
import { connect } from '../../../platform/postgres.js';
import { runPreflight } from '../../../services/control/preflight/run-preflight.js';
import { freshDatabase } from '../../support/postgres.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { CrowdedPair } from './crowded-pair.js';

const [BEFORE, INDEXES] = ['target/migrations/001_before_copy.sql', 'target/migrations/002_indexes.sql'];
const LATER = ['target/migrations/003_foreign_keys.sql', 'target/migrations/004_validate.sql'];

describeWithPostgres('the target that init creates', () => {
  let pair: CrowdedPair;

  beforeAll(async () => {
    pair = await CrowdedPair.open();
  });

  afterAll(async () => {
    await pair?.close();
  });

  beforeEach(() => pair.reset());

  test('the target that it creates passes preflight', async () => {
    await pair.init();
    const pipeline = await loadPipeline(pair.directory, pair.env);
    const findings = await runPreflight(pipeline, pair);
    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    expect(findings.filter(({ level }) => level === 'warn').map(({ check }) => check)).toEqual(['unmapped-tables']);
  });

  test('types, defaults, sequences and constraints are bound to what has moved', async () => {
    await pair.init();
    expect(
      await pair.column(`SELECT format_type(atttypid, atttypmod) AS v FROM pg_attribute
        WHERE attrelid = 'growth.users'::regclass AND attnum BETWEEN 1 AND 7 ORDER BY attnum`),
    ).toEqual([
      'integer',
      'growth.email',
      'growth.public_status',
      'growth.public_status[]',
      'growth.address',
      'text',
      'bigint',
    ]);
    expect(
      await pair.column(`SELECT attname || ' ' || pg_get_expr(adbin, adrelid) AS v FROM pg_attrdef
        JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 'growth.users'::regclass
        ORDER BY adnum`),
    ).toEqual([
      "id nextval('growth.public_users_id_seq'::regclass)",
      "st 'new'::growth.public_status",
      "past '{new}'::growth.public_status[]",
      "ticket nextval('growth.tickets'::regclass)",
      "note 'see public.users and nextval(''public.tickets'')'::text",
      'lower_note lower(note)',
    ]);
    expect(
      await pair.sorted(`SELECT conname || ' ' || pg_get_constraintdef(oid) AS v FROM pg_constraint
        WHERE conrelid IN ('growth.users'::regclass, 'growth.sessions'::regclass, 'growth.accounts'::regclass)
          AND contype IN ('p', 'u', 'c')`),
    ).toEqual([
      'public_users_pkey PRIMARY KEY (id)',
      'sessions_pkey PRIMARY KEY (token)',
      "st_ok CHECK ((st <> 'it''s'::growth.public_status))",
      'ticket_ok CHECK ((ticket > 0))',
      'users_mail_key UNIQUE (mail)',
      'users_pkey PRIMARY KEY (id)',
    ]);
    expect(
      await pair.column(`SELECT enumlabel AS v FROM pg_enum WHERE enumtypid = 'growth.public_status'::regtype
        ORDER BY enumsortorder`),
    ).toEqual(['new', "it's", '"done"']);
    expect(
      await pair.column(`SELECT seqincrement AS v FROM pg_sequence WHERE seqrelid = 'growth.tickets'::regclass`),
    ).toEqual(['5']);
    expect(await pair.column("INSERT INTO growth.accounts DEFAULT VALUES RETURNING id || ' ' || st AS v")).toEqual([
      '100 on',
    ]);
    expect(
      await pair.column("INSERT INTO growth.users (mail) VALUES ('a@b') RETURNING id || ' ' || ticket AS v"),
    ).toEqual(['1 1']);
    await expect(pair.target.query("INSERT INTO growth.users (mail) VALUES ('none')")).rejects.toThrow(/email_check/);
    expect(await pair.column("SELECT pg_get_serial_sequence('growth.users', 'id') AS v")).toEqual([
      'growth.public_users_id_seq',
    ]);
  });

  test('what cannot be created is said, in the result and in the script', async () => {
    const { left } = await pair.init();
    const reasons = left.slice(4).map(({ table, reason }) => `${table}: ${reason}`);
    expect(reasons).toEqual([
      'public.users: the default of code is not created in the target: it needs the function public.make(), which is not moved',
      'public.users: the constraint code_ok is not created in the target: it needs the function public.is_ok(pg_catalog.text), which is not moved',
      'public.users: the index odd_ix is not created in the target: it needs the function public.is_ok(pg_catalog.text), which is not moved',
      'public.users: the foreign key users_best_fkey is not created in the target: it refers to a table that is not moved',
      'auth.users: not created in the target: policy own, row-level security',
    ]);
    expect(await pair.text(BEFORE)).toContain('-- the default of code is not created in the target');
    expect(await pair.text(INDEXES)).toContain('-- the index odd_ix is not created in the target');
  });

  test('all migrations can be run again; those after the copy bring indexes and foreign keys', async () => {
    const { files } = await pair.init();
    const migrations = files.filter((file) => file.startsWith('target/'));
    expect(migrations).toEqual([BEFORE, INDEXES, ...LATER]);
    const texts = await Promise.all(migrations.map((file) => pair.text(file)));
    expect(texts.map((text) => text.startsWith('-- ferry: after-copy\n'))).toEqual([false, true, true, true]);
    for (const text of [...texts, ...texts]) await pair.target.query(text);
    expect(
      await pair.sorted(`SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated AS v
        FROM pg_constraint WHERE contype IN ('f', 'x')`),
    ).toEqual([
      'growth.sessions FOREIGN KEY (account) REFERENCES growth.accounts(id) ON DELETE CASCADE true',
      'shared.odd EXCLUDE USING gist (during WITH &&) true',
      'shared.odd FOREIGN KEY ("select") REFERENCES growth.users(id) true',
      'shared.odd FOREIGN KEY (boss) REFERENCES shared.odd("Id") DEFERRABLE INITIALLY DEFERRED true',
    ]);
    expect(
      await pair.sorted(`SELECT pg_get_indexdef(indexrelid) AS v FROM pg_index WHERE indrelid = 'growth.users'::regclass
        AND NOT indisunique`),
    ).toEqual([
      "CREATE INDEX users_lower_idx ON growth.users USING btree (lower(code)) WHERE (st = 'new'::growth.public_status)",
      'CREATE INDEX users_note_idx ON growth.users USING gin (note public.gin_trgm_ops)',
    ]);
    expect(await pair.column("SELECT convalidated AS v FROM pg_constraint WHERE conname = 'late_ok'")).toEqual(['f']);
  });

  test('the migrations build the same in another database', async () => {
    const { files } = await pair.init();
    const other = await freshDatabase(testServers().targetServer, 'init_other');
    const client = await connect('target', other.url, { applicationName: 'test' });
    try {
      for (const file of files.filter((one) => one.startsWith('target/'))) await client.query(await pair.text(file));
      const findings = await runPreflight(await loadPipeline(pair.directory, pair.env), {
        source: pair.source,
        target: client,
      });
      expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    } finally {
      await client.end();
      await other.drop();
    }
  });

  test('an extension that the target has in another schema is found there', async () => {
    await pair.target.query(
      'CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION pg_trgm SCHEMA ext',
    );
    await pair.init();
    for (const file of [INDEXES, ...LATER]) await pair.target.query(await pair.text(file));
    expect(
      await pair.column(`SELECT typbasetype::regtype AS v FROM pg_type WHERE oid = 'growth.email'::regtype`),
    ).toEqual(['ext.citext']);
    expect(await pair.text(INDEXES)).toContain('"ext"."gin_trgm_ops"');
  });
});
