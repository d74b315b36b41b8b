import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { runMigrationFiles } from '../../support/migration-files.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { testWithDumper, whyNoDumper } from '../../support/with-dumper.js';

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

/** Keys that stand twice, and people of whom each domain needs some columns. */
const SOURCE = `
  CREATE TYPE public.state AS ENUM ('on', 'off');
  CREATE TABLE public.people (id serial PRIMARY KEY, mail text NOT NULL UNIQUE, plan text, avatar text NOT NULL DEFAULT 'none');
  CREATE TABLE public.keys (
    id serial PRIMARY KEY, person integer NOT NULL REFERENCES public.people, hash varchar(40) NOT NULL, state public.state NOT NULL DEFAULT 'on',
    uses integer NOT NULL CHECK (uses >= 0), CONSTRAINT keys_hash_key UNIQUE (hash));
  CREATE TABLE public.old_keys (
    person integer, no smallint, key_hash text UNIQUE, disabled boolean NOT NULL, uses bigint NOT NULL CHECK (uses >= 0), note text NOT NULL,
    PRIMARY KEY (person, no), CONSTRAINT whose FOREIGN KEY (person) REFERENCES public.people);
  CREATE TABLE public.key_uses (id bigint PRIMARY KEY, key_id integer REFERENCES public.keys, at timestamptz);
  CREATE INDEX ON public.keys (state); CREATE UNIQUE INDEX keys_once ON public.keys (person, uses); CREATE INDEX old_notes ON public.old_keys (note);
  COMMENT ON TABLE public.keys IS 'keys'; COMMENT ON TABLE public.old_keys IS 'before'; COMMENT ON COLUMN public.old_keys.note IS 'why';
  CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.uses := NEW.uses + 1; RETURN NEW; END $$;
  CREATE TRIGGER touched BEFORE UPDATE ON public.keys FOR EACH ROW EXECUTE FUNCTION public.touch();
  CREATE TRIGGER touched BEFORE UPDATE ON public.old_keys FOR EACH ROW EXECUTE FUNCTION public.touch();
  ALTER TABLE public.old_keys ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON public.keys USING (true);
  CREATE VIEW public.busy AS SELECT id, hash FROM public.keys WHERE uses > 5;
  INSERT INTO public.people (mail, plan) SELECT 'p' || i, nullif('plan ' || i % 3, 'plan 0') FROM generate_series(1, 20) i;
  INSERT INTO public.keys (person, hash, state, uses) SELECT i, 'h' || i, CASE WHEN i % 2 = 0 THEN 'on' ELSE 'off' END::public.state, i FROM generate_series(1, 15) i;
  INSERT INTO public.old_keys SELECT i, 1, nullif('h' || i + 8, 'h20'), i % 2 = 0, i, 'note' FROM generate_series(1, 20) i;
  INSERT INTO public.key_uses SELECT i, i % 15 + 1, now() FROM generate_series(1, 30) i`;

const TABLES = {
  shared: { people: { from: 'public.people', drop: ['plan'] } },
  billing: {
    subscribers: {
      from: 'public.people',
      lineage: true,
      pick: ['plan'],
      where: 'id <> 0',
      columns: { subscriber: { uuid: ['id'], namespace: NAMESPACE }, person: { from: 'id' } },
    },
  },
  sec: {
    keys: {
      merge: [
        { from: 'public.keys', columns: { id: { uuid: ['id'], namespace: NAMESPACE }, origin: { constant: 'keys' } } },
        {
          from: 'public.old_keys',
          rename: { key_hash: 'hash' },
          drop: ['no', 'disabled'],
          columns: {
            id: { uuid: ['person', 'no'], namespace: NAMESPACE },
            state: { from: 'disabled', steps: [{ map: { t: 'off', f: 'on' } }] },
            origin: { constant: 'old' },
          },
        },
      ],
      unique: ['hash'],
    },
    key_uses: {
      from: 'public.key_uses',
      columns: { key_id: { lookup: 'sec.keys.id', of: ['key_id'], in: 'public.keys' } },
    },
  },
} as const;

describeWithPostgres('the schema of tables that are merged and split', () => {
  let pipeline: Pipeline;
  let reason: string | undefined;
  let left: string[];

  beforeAll(async () => {
    reason = await whyNoDumper(testServers().sourceServer, 17);
    // Its target has no schema of ours yet.
    pipeline = await makePipeline({ driver: 'embedded', schemaSql: '', sourceSql: SOURCE, tables: TABLES });
    if (reason !== undefined) return;
    const made = await pipeline.ferry('schema', '--json');
    const { findings } = made.json<{ findings: { kind: string; object: string }[] }>();
    left = findings.filter(({ kind }) => kind === 'left').map(({ object }) => object);
    for (let time = 0; time < 2; time++) await runMigrationFiles(pipeline.target, folder(), isBeforeCopy);
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const folder = () => join(pipeline.config.directory, 'target', 'migrations');
  const isBeforeCopy = (text: string) => !text.includes('-- ferry: after-copy');
  const inPlace = testWithDumper(() => reason);
  const values = async (sql: string) =>
    (await pipeline.target.query<Record<string, string>>(sql)).rows.map((row) => Object.values(row)[0]);
  const columns = (table: string) =>
    values(`SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
      FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`);

  inPlace('has each table once, with its columns there', async () => {
    expect(await columns('sec.keys')).toEqual([
      ...[
        'id uuid NOT NULL',
        'person integer NOT NULL',
        'hash text',
        'state sec.state NOT NULL',
        'uses bigint NOT NULL',
      ],
      ...['origin text NOT NULL', 'note text'],
    ]);
    expect(await columns('shared.people')).toEqual([
      'id integer NOT NULL',
      'mail text NOT NULL',
      'avatar text NOT NULL',
    ]);
    expect(await columns('billing.subscribers')).toEqual(['plan text', 'subscriber uuid NOT NULL', 'person integer']);
    expect(await columns('sec.key_uses')).toContain('key_id uuid');
    const keys =
      "SELECT conname FROM pg_constraint WHERE conrelid = 'sec.keys'::regclass AND contype IN ('p', 'u', 'c') ORDER BY 1";
    expect(await values(keys)).toEqual(['keys_hash_key', 'keys_pkey', 'keys_uses_check']);
  });

  inPlace('lists what need not hold for all, and what those behind the first have', async () => {
    // A foreign key to a table that is split is left to a person, and the trigger of both is one.
    expect(left.sort()).toEqual([
      'constraint keys_person_fkey of public.keys',
      'index keys_once on public.keys',
      'index old_notes on public.old_keys',
    ]);
  });

  inPlace('is what ferry check asks for, and takes the rows: they are verified equal', async () => {
    const checked = await pipeline.ferry('check');
    expect(checked.code, checked.stdout).toBe(0);
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.source.query(`
      UPDATE public.keys SET hash = 'h100' WHERE id = 15; DELETE FROM public.keys WHERE id = 14 AND NOT EXISTS (SELECT FROM public.key_uses WHERE key_id = 14);
      UPDATE public.people SET plan = 'other', avatar = 'x' WHERE id % 2 = 0; INSERT INTO public.old_keys VALUES (3, 2, 'new', true, 1, 'n')`);
    await pipeline.untilApplied();
    expect(await values('SELECT count(*) FROM sec.keys')).toEqual(
      (
        await pipeline.source.query<{ n: string }>(
          "SELECT count(DISTINCT coalesce(hash, 'none ' || n)) AS n FROM (SELECT hash, id AS n FROM public.keys UNION ALL SELECT key_hash, person FROM public.old_keys) k",
        )
      ).rows.map(({ n }) => n),
    );
    const verified = await pipeline.ferry('verify', '--json');
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  });

  inPlace('takes what waits for the copy, twice', async () => {
    for (let time = 0; time < 2; time++) {
      await runMigrationFiles(pipeline.target, folder(), (text) => !isBeforeCopy(text));
    }
    const foreign =
      "SELECT conname || ' ' || convalidated FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text LIKE 'sec.%'";
    expect(await values(foreign)).toEqual(['key_uses_key_id_fkey true']);
    expect(await values("SELECT relrowsecurity FROM pg_class WHERE oid = 'sec.keys'::regclass")).toEqual(['t']);
    expect(await values("SELECT obj_description('sec.keys'::regclass)")).toEqual(['keys']);
    expect(await values('SELECT count(*) > 0 FROM sec.busy')).toEqual(['t']);
  });
});
