import { describe, expect, test } from 'vitest';
import { type Domains, generated } from '../../test/support/generated-schema.js';

const TABLES = `
CREATE TABLE public.users (id uuid NOT NULL, email text, secret text);
CREATE TABLE public.jobs (id bigint NOT NULL, site_id text NOT NULL, owner uuid, CONSTRAINT named CHECK ((site_id <> ''::text)));
CREATE TABLE public.comments (id bigint NOT NULL, job_id bigint, body text);
CREATE TABLE public.scratch (id bigint);
`;
const KIND = "CREATE TYPE public.kind AS ENUM ('a');";
const DOMAINS: Domains = {
  growth: {
    jobs: { from: 'public.jobs', rename: { site_id: 'slug' } },
    job_comments: { from: 'public.comments' },
  },
  shared: { users: { from: 'public.users', drop: ['secret'] } },
};
const made = (statements: string, choices?: object) => generated(TABLES + statements, DOMAINS, choices);

/** The one function, view or policy of a dump. */
async function moved(statement: string): Promise<string | undefined> {
  const { of, findings } = await made(statement);
  const [, ...problems] = findings.map(({ object, why }) => `${object}: ${why}`);
  const phase = statement.includes('POLICY') ? 'policies' : 'functions_and_views';
  return of(phase).at(-1) ?? problems.join('\n');
}

const sqlFunction = (body: string, options = '') =>
  `CREATE FUNCTION public.f(site text) RETURNS text LANGUAGE sql${options} AS $_$ ${body} $_$;`;
const plpgsql = (body: string) => `CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $_$ ${body} $_$;`;

/** The body alone. */
async function movedBody(statement: string): Promise<string | undefined> {
  const sql = await moved(statement);
  return /\$_\$ (.*) \$_\$/s.exec(sql ?? '')?.[1] ?? sql;
}

describe('names in bodies of SQL functions', () => {
  test.each([
    ['SELECT site_id FROM public.jobs', 'SELECT slug AS site_id FROM growth.jobs'],
    ['SELECT site_id FROM jobs', 'SELECT slug AS site_id FROM growth.jobs'],
    ['SELECT j.site_id AS x FROM public.jobs j', 'SELECT j.slug AS x FROM growth.jobs j'],
    ['SELECT public.jobs.site_id FROM public.jobs', 'SELECT jobs.slug AS site_id FROM growth.jobs'],
    ['SELECT comments.body FROM public.comments', 'SELECT comments.body FROM growth.job_comments AS comments'],
    [
      'SELECT s.site_id FROM (SELECT site_id FROM public.jobs) s',
      'SELECT s.site_id FROM (SELECT slug AS site_id FROM growth.jobs) s',
    ],
    [
      'WITH jobs AS (SELECT 1 AS site_id) SELECT site_id FROM jobs',
      'WITH jobs AS (SELECT 1 AS site_id) SELECT site_id FROM jobs',
    ],
    [
      'SELECT body FROM public.comments c WHERE EXISTS (SELECT 1 FROM public.jobs WHERE id = c.job_id AND site_id = site)',
      'SELECT body FROM growth.job_comments c WHERE EXISTS (SELECT 1 FROM growth.jobs WHERE id = c.job_id AND slug = site)',
    ],
    [
      "INSERT INTO public.jobs (id, site_id) SELECT 1, 'é' ON CONFLICT (site_id) DO UPDATE SET site_id = excluded.site_id RETURNING site_id",
      "INSERT INTO growth.jobs (id, slug) SELECT 1, 'é' ON CONFLICT (slug) DO UPDATE SET slug = excluded.slug RETURNING slug AS site_id",
    ],
    [
      'UPDATE public.comments SET body = j.site_id FROM public.jobs j WHERE comments.job_id = j.id',
      'UPDATE growth.job_comments AS comments SET body = j.slug FROM growth.jobs j WHERE comments.job_id = j.id',
    ],
    ["SELECT 'public.jobs'::regclass", "SELECT 'growth.jobs'::regclass"],
    ["SELECT 'public.jobs'", "SELECT 'public.jobs'"],
    [
      "SELECT encode(digest('x', 'md5'), 'hex') FROM public.jobs",
      "SELECT encode(extensions.digest('x', 'md5'), 'hex') FROM growth.jobs",
    ],
    [
      'SELECT id FROM public.jobs ORDER BY 1 - (owner <=> site) < 1',
      'SELECT id FROM growth.jobs ORDER BY 1 - (owner OPERATOR(extensions.<=>) site) < 1',
    ],
    ['SELECT id FROM auth.users, public.jobs j', 'SELECT id FROM auth.users, growth.jobs j'],
  ])('%s', async (body, expected) => {
    expect(await movedBody(sqlFunction(body))).toBe(expected);
  });

  test.each([
    ['SELECT secret FROM public.users', 'the column users.secret, which does not move'],
    ['SELECT 1 FROM public.jobs a JOIN public.jobs b USING (site_id)', 'JOIN USING (site_id)'],
    ['SELECT id FROM public.scratch, public.jobs', 'it names table public.scratch, which is not in the mapping'],
    ['SELEC 1 FROM public.jobs', 'it is not understood: syntax error'],
  ])('%s is left, and why', async (body, why) => {
    const { of, findings } = await made(sqlFunction(body));
    expect(of('functions_and_views')).toEqual([]);
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'left', object: 'function public.f', line: 6 }));
    expect(findings.map((one) => one.why).join('\n')).toContain(why);
  });

  test('a path of its own is where names are looked up, and keeps what extensions need', async () => {
    const dump = `CREATE EXTENSION x WITH SCHEMA extensions;\n${sqlFunction('SELECT site_id FROM jobs', " SET search_path TO 'public', 'extensions'")}`;
    expect(await moved(dump)).toContain(
      "SET search_path TO 'extensions' AS $_$ SELECT slug AS site_id FROM growth.jobs",
    );
    expect(await moved(sqlFunction('SELECT 1', " SET search_path TO 'public'"))).toContain("SET search_path TO ''");
  });
});

describe('names in bodies of PL/pgSQL', () => {
  const TRIGGER = 'CREATE TRIGGER t BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.f();';

  test.each([
    ['BEGIN NEW.site_id := lower(OLD.site_id); RETURN NEW; END', 'BEGIN NEW.slug := lower(OLD.slug); RETURN NEW; END'],
    [
      'BEGIN IF NEW.site_id = 1 THEN DELETE FROM public.comments WHERE job_id = NEW.id; END IF; RETURN NULL; END',
      'BEGIN IF NEW.slug = 1 THEN DELETE FROM growth.job_comments AS comments WHERE job_id = NEW.id; END IF; RETURN NULL; END',
    ],
    [
      'DECLARE j public.jobs%ROWTYPE; s jobs.site_id%TYPE; n int; BEGIN SELECT site_id, id INTO STRICT s, n FROM public.jobs; RETURN j; END',
      'DECLARE j growth.jobs%ROWTYPE; s growth.jobs.slug%TYPE; n int; BEGIN SELECT slug AS site_id, id INTO STRICT s, n FROM growth.jobs; RETURN j; END',
    ],
    [
      "BEGIN -- public.jobs\n PERFORM 1 FROM public.jobs; PERFORM 1 FROM public.jobs; RAISE NOTICE 'public.jobs %', (SELECT count(*) FROM jobs); RETURN NEW; END",
      "BEGIN -- public.jobs\n PERFORM 1 FROM growth.jobs; PERFORM 1 FROM growth.jobs; RAISE NOTICE 'public.jobs %', (SELECT count(*) FROM growth.jobs); RETURN NEW; END",
    ],
    [
      "DECLARE a public.kind := 'a'::public.kind; b CONSTANT kind[] = '{}'; n int; BEGIN SELECT 'a', 1 INTO a, n FROM public.jobs; RETURN NEW; END",
      "DECLARE a growth.kind := 'a'::growth.kind; b CONSTANT growth.kind[] = '{}'; n int; BEGIN SELECT 'a', 1 INTO a, n FROM growth.jobs; RETURN NEW; END",
    ],
    [
      "DECLARE a public.kind := 'a'::public.kind; BEGIN RETURN NEW; END",
      "DECLARE a growth.kind := 'a'::growth.kind; BEGIN RETURN NEW; END",
    ],
    [
      'DECLARE j jobs%ROWTYPE; BEGIN j.id := 1; SELECT * INTO j FROM jobs; RETURN NEW; END',
      'DECLARE j growth.jobs%ROWTYPE; BEGIN j.id := 1; SELECT * INTO j FROM growth.jobs; RETURN NEW; END',
    ],
    [
      'DECLARE c CURSOR FOR SELECT site_id FROM public.jobs; BEGIN FOR r IN c LOOP NULL; END LOOP; RETURN NEW; END',
      'DECLARE c CURSOR FOR SELECT slug AS site_id FROM growth.jobs; BEGIN FOR r IN c LOOP NULL; END LOOP; RETURN NEW; END',
    ],
  ])('%s', async (body, expected) => {
    expect(await movedBody(`${KIND}${plpgsql(body)}\n${TRIGGER}`)).toBe(expected);
  });

  test('what is put together at run time is listed, and moved as it is', async () => {
    const { findings, sql } = await made(plpgsql("BEGIN\n EXECUTE 'DELETE FROM public.jobs'; RETURN NEW; END"));
    expect(sql).toContain("'DELETE FROM public.jobs'");
    expect(findings).toContainEqual(
      expect.objectContaining({
        kind: 'look',
        object: 'function public.f',
        why: expect.stringContaining('EXECUTE in line 2'),
      }),
    );
  });

  test('a name where the grammar tells of no expression is not left behind unsaid', async () => {
    const { findings } = await made(
      plpgsql('DECLARE r record := (SELECT j FROM public.jobs j); BEGIN RETURN NEW; END'),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'left', why: 'public.jobs stands in its body where no expression is known' }),
    );
  });

  test('a row of two tables that a rename makes differ is none that can be named', async () => {
    const other = 'CREATE TABLE public.more (site_id text);';
    const triggers = `${TRIGGER} CREATE TRIGGER t BEFORE UPDATE ON public.more FOR EACH ROW EXECUTE FUNCTION public.f();`;
    const { findings } = await generated(
      TABLES + other + plpgsql('BEGIN NEW.site_id := 1; RETURN NEW; END') + triggers,
      { growth: { ...DOMAINS.growth, more: { from: 'public.more' } } },
    );
    expect(findings.filter(({ kind }) => kind === 'left').map(({ object }) => object)).toEqual(
      expect.arrayContaining(['function public.f', 'trigger t on public.jobs', 'trigger t on public.more']),
    );
  });
});

describe('a table', () => {
  test('of which columns do not move, and rules make others', async () => {
    const { of } = await generated(
      `CREATE TYPE public.kind AS ENUM ('a');
       CREATE TABLE public.t (id bigint NOT NULL, kind public.kind, "Gone" text, n text DEFAULT '1'::text);`,
      {
        growth: {
          t: {
            from: 'public.t',
            drop: ['Gone'],
            columns: { kind2: { from: 'kind' }, all: { object: { n: 'n' } }, n: { from: 'n', cast: 'integer' } },
          },
        },
      },
    );
    const [table, ...more] = of('tables');
    expect(table!.replaceAll(/\s+/g, ' ')).toBe(
      'CREATE TABLE IF NOT EXISTS growth.t ( id bigint NOT NULL, kind growth.kind, n int )',
    );
    expect(more.map((sql) => sql.replaceAll(/\s+/g, ' '))).toEqual([
      'ALTER TABLE growth.t ADD COLUMN IF NOT EXISTS kind2 growth.kind',
      'ALTER TABLE growth.t ADD COLUMN IF NOT EXISTS "all" jsonb',
    ]);
  });

  test('that goes to two schemas is made in both, with all that belongs to it', async () => {
    const { of, findings } = await generated(
      `CREATE TABLE public.t (id bigint NOT NULL);
       ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
       CREATE INDEX t_idx ON public.t USING btree (id);
       CREATE POLICY p ON public.t USING ((t.id > 0));
       CREATE FUNCTION public.n() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.t $$;`,
      { a: { t: { from: 'public.t' } }, b: { other: { from: 'public.t' } } },
    );
    expect(of('indexes')).toEqual([
      'CREATE INDEX IF NOT EXISTS t_idx ON a.t USING btree (id)',
      'CREATE INDEX IF NOT EXISTS t_idx ON b.other USING btree (id)',
    ]);
    expect(of('policies').filter((sql) => sql.startsWith('CREATE'))).toEqual([
      'CREATE POLICY p ON a.t USING ((t.id > 0))',
      'CREATE POLICY p ON b.other USING ((other.id > 0))',
    ]);
    expect(of('tables').filter((sql) => sql.includes('PRIMARY KEY'))).toHaveLength(2);
    // The function goes to one of them, and means that one's.
    expect(of('functions_and_views')).toEqual([expect.stringContaining('FROM a.t')]);
    expect(findings).toEqual([]);
  });

  test('whose name is taken where it goes gives its indexes another', async () => {
    const { of, sql } = await generated(
      `CREATE TABLE public.t (id bigint); CREATE TABLE maas.t (id bigint);
       ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
       ALTER TABLE ONLY maas.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
       CREATE INDEX t_idx ON public.t USING btree (id);
       CREATE INDEX t_idx ON maas.t USING btree (id);`,
      { a: { t: { from: 'public.t' }, u: { from: 'maas.t' } } },
    );
    expect(of('indexes')).toEqual([
      'CREATE INDEX IF NOT EXISTS t_idx ON a.t USING btree (id)',
      'CREATE INDEX IF NOT EXISTS maas_t_idx ON a.u USING btree (id)',
    ]);
    expect(sql).toContain('ADD CONSTRAINT maas_t_pkey PRIMARY KEY');
  });
});

test('what names what cannot be moved is left with it', async () => {
  const { of, findings } = await made(`
CREATE FUNCTION public.a() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.scratch, public.jobs $$;
CREATE FUNCTION public.b() RETURNS bigint LANGUAGE sql AS $$ SELECT public.a() $$;
CREATE POLICY p ON public.jobs USING ((public.b() > 0));`);
  expect(of('policies')).toEqual([]);
  expect(findings.map(({ object, why }) => `${object}: ${why}`)).toEqual([
    'table public.scratch: it is not in the mapping',
    'function public.a: it names table public.scratch, which is not in the mapping',
    'function public.b: it names function public.a, which cannot be moved itself',
    'policy p on public.jobs: it names function public.b, which cannot be moved itself',
  ]);
});

test('what several domains use goes where the configuration says, or to the first', async () => {
  const dump = `
CREATE TYPE public.kind AS ENUM ('a');
ALTER TABLE public.users ADD COLUMN kind public.kind;
ALTER TABLE public.jobs ADD COLUMN kind public.kind;
CREATE FUNCTION public.alone() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;`;
  expect((await made(dump)).placed).toMatchObject({ kind: 'growth.kind', alone: 'growth.alone' });
  expect((await made(dump, { shared: 'shared', objects: { 'public.alone': 'api.alone_now' } })).placed).toMatchObject({
    kind: 'shared.kind',
    alone: 'api.alone_now',
  });
});

test('an object of a kind that is not moved is listed', async () => {
  const { findings } = await made('CREATE OPERATOR public.=== (FUNCTION = public.f, LEFTARG = text, RIGHTARG = text);');
  expect(findings).toContainEqual(
    expect.objectContaining({ object: 'operator public.===', why: 'this kind of object is not moved' }),
  );
});
