import { describe, expect, test } from 'vitest';
import { type Generated, generated } from '../../test/support/generated-schema.js';

const left = ({ findings }: Generated) =>
  findings.filter(({ kind }) => kind === 'left').map(({ object, why }) => `${object}: ${why}`);
const flat = (statements: readonly string[]) => statements.map((sql) => sql.replaceAll(/\s+/g, ' '));

const USERS = `
CREATE TABLE public.users (id bigint NOT NULL, mail text, bio text, CONSTRAINT long CHECK ((length(bio) > 1)));
CREATE SEQUENCE public.users_id_seq;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
ALTER TABLE ONLY public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users ADD CONSTRAINT users_mail_key UNIQUE (mail);
`;
/** In one schema. */
const APART = {
  app: {
    users: { from: 'public.users', drop: ['bio'] },
    profiles: { from: 'public.users', pick: ['id', 'bio'], rename: { bio: 'about' } },
  },
};
const apart = (statements: string, more: object = {}) =>
  generated(USERS + statements, { app: { ...APART.app, ...more } });

describe('a table whose columns go to two tables of one schema', () => {
  test('has its keys, defaults and checks in each that has their columns, by names of their own', async () => {
    const made = await apart('');
    expect(flat(made.of('tables')).map((sql) => /(ALTER|CREATE).*(?=; END| *$)/.exec(sql)![0])).toEqual([
      'CREATE TABLE IF NOT EXISTS app.users ( id bigint NOT NULL, mail text )',
      'CREATE TABLE IF NOT EXISTS app.profiles ( id bigint NOT NULL, about text, CONSTRAINT long CHECK (length(about) > 1) )',
      'CREATE SEQUENCE IF NOT EXISTS app.users_id_seq',
      'CREATE SEQUENCE IF NOT EXISTS app.profiles_id_seq',
      'ALTER SEQUENCE app.users_id_seq OWNED BY app.users.id',
      'ALTER SEQUENCE app.profiles_id_seq OWNED BY app.profiles.id',
      "ALTER TABLE ONLY app.users ALTER COLUMN id SET DEFAULT nextval('app.users_id_seq'::regclass)",
      "ALTER TABLE ONLY app.profiles ALTER COLUMN id SET DEFAULT nextval('app.profiles_id_seq'::regclass)",
      expect.stringContaining('ADD CONSTRAINT users_pkey PRIMARY KEY (id)'),
      expect.stringContaining('ADD CONSTRAINT profiles_pkey PRIMARY KEY (id)'),
      expect.stringContaining('ADD CONSTRAINT users_mail_key UNIQUE (mail)'),
    ]);
    expect(left(made)).toEqual([]);
  });

  test('has what names columns where these are, and comments with it', async () => {
    const made = await apart(`
      CREATE INDEX users_bio_idx ON public.users USING btree (lower(bio)) WHERE (bio <> ''::text);
      COMMENT ON INDEX public.users_bio_idx IS 'i';
      CREATE STATISTICS public.users_stats ON mail, id FROM public.users;
      COMMENT ON STATISTICS public.users_stats IS 's';
      CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.bio := 1; RETURN NEW; END $$;
      CREATE FUNCTION public.g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER f BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.f();
      CREATE TRIGGER g BEFORE UPDATE OF mail ON public.users FOR EACH ROW WHEN ((new.mail <> ''::text)) EXECUTE FUNCTION public.g();
      COMMENT ON TRIGGER f ON public.users IS 't';
      GRANT SELECT(mail) ON TABLE public.users TO anon;
      GRANT SELECT(id) ON TABLE public.users TO anon;
      COMMENT ON CONSTRAINT users_pkey ON public.users IS 'k';
      COMMENT ON CONSTRAINT users_mail_key ON public.users IS 'm';
      COMMENT ON COLUMN public.users.bio IS 'c';
      COMMENT ON SEQUENCE public.users_id_seq IS 'q';`);
    expect(left(made)).toEqual([]);
    expect(made.of('indexes')).toEqual([
      "CREATE INDEX IF NOT EXISTS users_bio_idx ON app.profiles USING btree (lower(about)) WHERE (about <> ''::text)",
      'CREATE STATISTICS IF NOT EXISTS app.users_stats ON mail, id FROM app.users',
    ]);
    expect(made.of('functions_and_views')[0]).toContain('NEW.about := 1');
    expect(made.of('triggers').map((sql) => / ON (app\.\w+)/.exec(sql)![1])).toEqual(['app.profiles', 'app.users']);
    expect(made.of('grants').filter((sql) => sql.includes('TABLE'))).toEqual([
      'GRANT SELECT(mail) ON TABLE app.users TO anon',
      'GRANT SELECT(id) ON TABLE app.users TO anon',
      'GRANT SELECT(id) ON TABLE app.profiles TO anon',
    ]);
    expect(made.of('comments_and_publications').filter((sql) => sql.startsWith('COMMENT'))).toEqual([
      "COMMENT ON INDEX app.users_bio_idx IS 'i'",
      "COMMENT ON STATISTICS app.users_stats IS 's'",
      "COMMENT ON TRIGGER f ON app.profiles IS 't'",
      "COMMENT ON CONSTRAINT users_pkey ON app.users IS 'k'",
      "COMMENT ON CONSTRAINT profiles_pkey ON app.profiles IS 'k'",
      "COMMENT ON CONSTRAINT users_mail_key ON app.users IS 'm'",
      "COMMENT ON COLUMN app.profiles.about IS 'c'",
      "COMMENT ON SEQUENCE app.users_id_seq IS 'q'",
      "COMMENT ON SEQUENCE app.profiles_id_seq IS 'q'",
    ]);
  });

  test('is none that a view, function or foreign key of another can name', async () => {
    const made = await apart(
      `CREATE TABLE public.posts (id bigint, author bigint);
       CREATE VIEW public.mails AS SELECT users.mail FROM public.users;
       CREATE FUNCTION public.n() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.users $$;
       ALTER TABLE ONLY public.posts ADD CONSTRAINT author FOREIGN KEY (author) REFERENCES public.users(id);`,
      { posts: { from: 'public.posts' } },
    );
    const why = 'it names table public.users, which goes to app.users and app.profiles';
    expect(left(made)).toEqual([
      `view public.mails: ${why}`,
      `function public.n: ${why}`,
      `constraint author of public.posts: ${why}`,
    ]);
  });

  test('refers to itself in each, and says where what it has cannot be', async () => {
    const made = await apart(
      `ALTER TABLE ONLY public.users ADD CONSTRAINT self FOREIGN KEY (id) REFERENCES public.users(id);
       CREATE POLICY p ON public.users USING ((mail = 'x'::text));
       COMMENT ON POLICY p ON public.users IS 'p';`,
    );
    expect(flat(made.of('foreign_keys')).map((sql) => /REFERENCES [\w.]+/.exec(sql)![0])).toEqual([
      'REFERENCES app.users',
      'REFERENCES app.profiles',
    ]);
    expect(left(made)).toEqual([
      'policy p on public.users: at app.profiles, the column users.mail, which does not move',
    ]);
    expect(made.of('comments_and_publications').filter((sql) => sql.includes('POLICY'))).toEqual([
      "COMMENT ON POLICY p ON app.users IS 'p'",
    ]);
  });

  test('has no trigger whose function names columns of both, and others keep theirs', async () => {
    const trigger = (name: string, table: string) =>
      `CREATE TRIGGER ${name} BEFORE UPDATE ON public.${table} FOR EACH ROW EXECUTE FUNCTION public.${name}();`;
    const body = (name: string, text: string) =>
      `CREATE FUNCTION public.${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${text}; RETURN NEW; END $$;`;
    const made = await apart(
      `CREATE TABLE public.posts (id bigint, mail text, bio text, gone text);
       CREATE TABLE public.notes (id bigint, gone text);
       ${body('two', 'NEW.mail := NEW.bio')}
       ${trigger('two', 'users')}
       ${body('late', 'NEW.gone := 1')}
       ${trigger('late', 'posts')}
       ${trigger('late', 'notes')}`,
      { posts: { from: 'public.posts', drop: ['gone'] }, notes: { from: 'public.notes' } },
    );
    expect(left(made)).toEqual([
      expect.stringContaining('function public.two: '),
      'trigger two on public.users: it or its function names columns of the row that do not all stand in app.users or app.profiles',
      'trigger late on public.posts: it or its function names columns of the row that do not all stand in app.posts',
    ]);
    expect(made.of('triggers')).toEqual([expect.stringContaining('BEFORE UPDATE ON app.notes')]);
  });
});

describe('a table whose rows go to two tables of one schema', () => {
  const PARTS = `
    CREATE TABLE public.v (tenant text NOT NULL, no integer NOT NULL, gone text, at text) PARTITION BY RANGE (no);
    CREATE TABLE public.v_low (tenant text NOT NULL, no integer NOT NULL, gone text, at text) PARTITION BY RANGE (no);
    CREATE TABLE public.v_low_1 (tenant text NOT NULL, no integer NOT NULL, gone text, at text);
    ALTER TABLE ONLY public.v ATTACH PARTITION public.v_low FOR VALUES FROM (0) TO (9);
    ALTER TABLE ONLY public.v_low ATTACH PARTITION public.v_low_1 FOR VALUES FROM (0) TO (5);
    CREATE INDEX v_at_idx ON ONLY public.v USING btree (at);
    CREATE INDEX v_low_at_idx ON ONLY public.v_low USING btree (at);
    CREATE INDEX v_gone_idx ON ONLY public.v USING btree (gone);
    CREATE INDEX v_low_gone_idx ON ONLY public.v_low USING btree (gone);
    ALTER INDEX public.v_at_idx ATTACH PARTITION public.v_low_at_idx;
    ALTER INDEX public.v_gone_idx ATTACH PARTITION public.v_low_gone_idx;`;

  test('has its partitions in each, with the columns of each', async () => {
    const made = await generated(PARTS, {
      app: {
        v: { from: 'public.v', where: "tenant = 'a'" },
        w: { from: 'public.v', where: "tenant = 'b'", drop: ['gone'], columns: { at: { from: 'at', cast: 'date' } } },
      },
    });
    expect(left(made)).toEqual([]);
    const tables = flat(made.of('tables'));
    expect(tables.filter((sql) => sql.startsWith('CREATE') && sql.includes('low_1'))).toEqual([
      expect.stringContaining('app.v_low_1 (tenant text NOT NULL, no integer NOT NULL, gone text, at text)'),
      'CREATE TABLE IF NOT EXISTS app.w_low_1 ( tenant text NOT NULL, no int NOT NULL, at date )',
    ]);
    expect(tables.flatMap((sql) => /ONLY (app.*)(?= FOR VALUES)/.exec(sql)?.[1] ?? [])).toEqual([
      'app.v ATTACH PARTITION app.v_low',
      'app.w ATTACH PARTITION app.w_low',
      'app.v_low ATTACH PARTITION app.v_low_1',
      'app.w_low ATTACH PARTITION app.w_low_1',
    ]);
    expect(flat(made.of('indexes')).flatMap((sql) => /ALTER INDEX ([^;]*)/.exec(sql)?.[1] ?? [])).toEqual([
      'app.v_at_idx ATTACH PARTITION app.v_low_at_idx',
      'app.w_at_idx ATTACH PARTITION app.w_low_at_idx',
      'app.v_gone_idx ATTACH PARTITION app.v_low_gone_idx',
    ]);
  });
});

test('a tenant split that leaves the tenant behind has keys and indexes without it', async () => {
  const made = await generated(
    `CREATE TABLE public.t (tenant text NOT NULL, no integer NOT NULL, code text);
     ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (tenant, no);
     CREATE UNIQUE INDEX t_code_idx ON public.t USING btree (tenant, code) WHERE (no > 0);
     CREATE INDEX t_tenant_idx ON public.t USING btree (tenant);
     CREATE INDEX t_low_idx ON public.t USING btree (lower(tenant));
     COMMENT ON INDEX public.t_low_idx IS 'x';
     ALTER TABLE ONLY public.t ADD CONSTRAINT self FOREIGN KEY (tenant, no) REFERENCES public.t(tenant, no);`,
    {
      app: {
        u: { from: 'public.t', where: "tenant = 'a'", drop: ['tenant'] },
        t: { from: 'public.t', where: "tenant <> 'a'" },
      },
    },
  );
  expect(flat(made.of('tables')).flatMap((sql) => /CONSTRAINT (\w+ PRIMARY KEY .*?\))/.exec(sql)?.[1] ?? [])).toEqual([
    'u_pkey PRIMARY KEY (no)',
    't_pkey PRIMARY KEY (tenant, no)',
  ]);
  expect(made.of('indexes')).toEqual([
    'CREATE UNIQUE INDEX IF NOT EXISTS u_code_idx ON app.u (code) WHERE no > 0',
    'CREATE UNIQUE INDEX IF NOT EXISTS t_code_idx ON app.t USING btree (tenant, code) WHERE (no > 0)',
    'CREATE INDEX IF NOT EXISTS t_tenant_idx ON app.t USING btree (tenant)',
    'CREATE INDEX IF NOT EXISTS t_low_idx ON app.t USING btree (lower(tenant))',
  ]);
  expect(left(made)).toEqual(['constraint self of public.t: at app.u, the column t.tenant, which does not move']);
});

test('what names an index or a key by itself names it as it is called there', async () => {
  const made = await generated(
    `CREATE TABLE public.t (id bigint); CREATE TABLE maas.t (id bigint NOT NULL);
     ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
     ALTER TABLE ONLY maas.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
     ALTER TABLE maas.t CLUSTER ON t_pkey;
     ALTER TABLE ONLY maas.t REPLICA IDENTITY USING INDEX t_pkey;
     COMMENT ON CONSTRAINT t_pkey ON maas.t IS 'key';
     CREATE FUNCTION maas.f() RETURNS void LANGUAGE sql AS $$ INSERT INTO maas.t VALUES (1) ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING $$;`,
    { a: { t: { from: 'public.t' }, u: { from: 'maas.t' } } },
  );
  expect(made.of('indexes')).toEqual([
    'ALTER TABLE a.u CLUSTER ON maas_t_pkey',
    'ALTER TABLE ONLY a.u REPLICA IDENTITY USING INDEX maas_t_pkey',
  ]);
  expect(made.of('comments_and_publications')).toContain("COMMENT ON CONSTRAINT maas_t_pkey ON a.u IS 'key'");
  expect(made.of('functions_and_views')).toEqual([expect.stringContaining('ON CONSTRAINT maas_t_pkey DO NOTHING')]);
});

test('a trigger of a table that goes to two schemas is made where its function finds the columns', async () => {
  const made = await generated(
    `${USERS}CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.bio := 1; RETURN NEW; END $$;
     CREATE TRIGGER t BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.f();`,
    { app: { users: APART.app.users }, social: { profiles: APART.app.profiles } },
  );
  expect(made.of('functions_and_views')).toEqual([expect.stringContaining('NEW.about := 1')]);
  expect(made.of('triggers')).toEqual([expect.stringContaining('ON social.profiles')]);
  expect(left(made)).toEqual([]);
});
