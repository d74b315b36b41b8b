import { describe, expect, test } from 'vitest';
import { type Domains, generated } from '../../test/support/generated-schema.js';

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const table = (name: string, columns: string, key = 'id') =>
  `CREATE TABLE public.${name} (${columns});\nALTER TABLE ONLY public.${name} ADD CONSTRAINT ${name}_pkey PRIMARY KEY (${key});\n`;

const TABLES =
  table('users', 'id uuid NOT NULL, email text') +
  table(
    'keys',
    "id uuid NOT NULL, owner uuid NOT NULL, hash text NOT NULL, state text DEFAULT 'on'::text NOT NULL, uses integer NOT NULL",
  ) +
  table(
    'old_keys',
    'id uuid NOT NULL, owner uuid, key_hash character varying(40) NOT NULL, uses bigint NOT NULL, note text NOT NULL',
  ) +
  table('key_uses', 'id bigint NOT NULL, key uuid');
const foreignKey = (name: string, column: string, to: string) =>
  `ALTER TABLE ONLY public.${name} ADD CONSTRAINT ${name}_${column}_fkey FOREIGN KEY (${column}) REFERENCES public.${to}(id);\n`;

const origin = (value: string) => ({ origin: { constant: value } });
const KEYS = {
  merge: [
    { from: 'public.keys', columns: origin('keys') },
    { from: 'public.old_keys', rename: { key_hash: 'hash' }, columns: origin('old') },
  ],
  unique: ['hash'],
};
const domainsWith = (keys: object, more: object = {}): Domains => ({
  sec: { keys, key_uses: { from: 'public.key_uses' } },
  shared: { users: { from: 'public.users' }, ...more },
});
const made = (more: string, keys: object = KEYS) => generated(TABLES + more, domainsWith(keys));

const ofTable = (statements: readonly string[], name: string) => statements.filter((sql) => sql.includes(name));

describe('what several tables become', () => {
  test('is made once, of types that hold all, and NOT NULL where each is', async () => {
    const { of, findings } = await made('');
    const statements = ofTable(of('tables'), 'sec.keys');
    expect(statements.map((sql) => sql.replaceAll(/\s+/g, ' '))).toEqual([
      expect.stringMatching(
        /^CREATE TABLE IF NOT EXISTS sec\.keys \( id uuid NOT NULL, owner uuid, hash text NOT NULL, state text DEFAULT 'on'(::text)?, uses (pg_catalog\.int8|bigint) NOT NULL \)$/,
      ),
      'ALTER TABLE sec.keys ADD COLUMN IF NOT EXISTS origin text NOT NULL',
      'ALTER TABLE sec.keys ADD COLUMN IF NOT EXISTS note text',
      expect.stringContaining('ALTER TABLE sec.keys ADD CONSTRAINT keys_pkey PRIMARY KEY (id)'),
      'CREATE UNIQUE INDEX IF NOT EXISTS keys_hash_one ON sec.keys (hash)',
    ]);
    expect(findings.filter(({ kind }) => kind === 'left')).toEqual([]);
    expect(findings.map(({ why }) => why).join('\n')).toContain(
      'rows of public.old_keys, which does not fill it, get its default',
    );
  });

  test('has the foreign keys that all of its tables have, and others are listed', async () => {
    const both = await made(foreignKey('keys', 'owner', 'users') + foreignKey('old_keys', 'owner', 'users'));
    expect(both.of('foreign_keys')).toHaveLength(1);
    expect(both.of('foreign_keys')[0]).toContain('keys_owner_fkey FOREIGN KEY (owner) REFERENCES shared.users(id)');
    const one = await made(foreignKey('keys', 'owner', 'users'));
    expect(one.of('foreign_keys')).toEqual([]);
    expect(one.findings).toContainEqual(
      expect.objectContaining({
        kind: 'left',
        why: 'public.old_keys has no such foreign key, and its rows stand in the same table',
      }),
    );
  });

  test('is referred to where each row stands, and where the key is made alike', async () => {
    const key = foreignKey('key_uses', 'key', 'keys');
    const behind = await made(key);
    expect(behind.of('foreign_keys')).toEqual([]);
    expect(behind.findings).toContainEqual(
      expect.objectContaining({
        object: 'constraint key_uses_key_fkey of public.key_uses',
        why: 'rows of public.keys do not stand where others are before them',
      }),
    );
    const byId = await made(key, { ...KEYS, unique: ['id'] });
    expect(byId.of('foreign_keys')[0]).toContain('REFERENCES sec.keys(id)');
    const { unique: _, ...all } = KEYS;
    expect((await made(key, all)).of('foreign_keys')[0]).toContain('REFERENCES sec.keys(id)');
    const ids = (from: string) => ({ from, columns: { id: { uuid: ['id'], namespace: NAMESPACE } } });
    const anew = { merge: [ids('public.keys'), { ...ids('public.old_keys'), rename: { key_hash: 'hash' } }] };
    const astray = await made(key, anew);
    expect(astray.of('foreign_keys')).toEqual([]);
    expect(astray.findings.map(({ why }) => why)).toContain('it is not made as the key of sec.keys is');
  });

  test('is unique only in what makes rows one, or in what others have not', async () => {
    const unique = (name: string, columns: string) =>
      `ALTER TABLE ONLY public.keys ADD CONSTRAINT ${name} UNIQUE (${columns});\n`;
    const { of, findings } = await made(
      unique('by_hash', 'hash') +
        unique('by_owner', 'owner, uses') +
        unique('by_state', 'state') +
        unique('wide', 'hash, uses'),
    );
    const names = ['by_hash', 'by_owner', 'by_state', 'wide', 'keys_hash_one'];
    const sql = of('tables').join('\n');
    // A default fills what others have not.
    expect(names.filter((name) => sql.includes(name))).toEqual(['by_hash', 'wide']);
    const left = findings.filter(({ kind }) => kind === 'left').map(({ object }) => object);
    expect(left).toEqual(['constraint by_owner of public.keys', 'constraint by_state of public.keys']);
  });

  test('has the checks that all of its tables have', async () => {
    const dump = TABLES.replace(
      'uses integer NOT NULL',
      'uses integer NOT NULL, CONSTRAINT positive CHECK ((uses > 0)), CONSTRAINT long CHECK ((length(hash) > 3))',
    ).replace(
      'uses bigint NOT NULL',
      'uses bigint NOT NULL, CONSTRAINT also_positive CHECK ((uses > 0)), CONSTRAINT noted CHECK ((length(note) > 0))',
    );
    const { of, findings } = await generated(dump, domainsWith(KEYS));
    const [create] = ofTable(of('tables'), 'sec.keys');
    expect(create).toContain('uses > 0');
    expect(create).not.toContain('length');
    const left = findings.filter(({ kind }) => kind === 'left').map(({ object }) => object);
    expect(left).toEqual(['constraint long of table public.keys', 'constraint noted of table public.old_keys']);
  });

  test('has policies, triggers and grants of the first; those of others are listed, but not what is the same', async () => {
    const of = (name: string) => `
CREATE INDEX ${name}_uses ON public.${name} USING btree (uses);
CREATE POLICY own_${name} ON public.${name} USING (true);
CREATE TRIGGER touch_${name} BEFORE UPDATE ON public.${name} FOR EACH ROW EXECUTE FUNCTION public.touch();
GRANT SELECT ON TABLE public.${name} TO reader;
`;
    const touch = 'CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $_$ BEGIN RETURN NEW; END $_$;\n';
    const secured =
      'ALTER TABLE public.old_keys ENABLE ROW LEVEL SECURITY;\nGRANT DELETE ON TABLE public.old_keys TO writer;\n';
    const { of: phase, findings } = await made(touch + of('keys') + of('old_keys') + secured);
    expect(phase('policies').at(-1)).toContain('ENABLE ROW LEVEL SECURITY');
    expect(phase('policies').join('\n')).toContain('own_keys ON sec.keys');
    expect(ofTable(phase('triggers'), 'touch_keys')).toHaveLength(1);
    expect(ofTable(phase('grants'), 'SELECT')).toHaveLength(1);
    expect([...phase('triggers'), ...phase('policies'), ...phase('indexes')].join('\n')).not.toContain('old_keys');
    const left = findings.filter(({ kind }) => kind === 'left').map(({ object }) => object);
    expect(left).toEqual([
      'index old_keys_uses on public.old_keys',
      'policy own_old_keys on public.old_keys',
      'trigger touch_old_keys on public.old_keys',
      'grant on table public.old_keys',
    ]);
  });

  test('is refused by name where no type holds all, and what names it with it', async () => {
    const dump = TABLES.replace('uses bigint', 'uses boolean');
    const view = 'CREATE VIEW public.busy AS SELECT keys.id FROM public.keys;\n';
    const { sql, findings } = await generated(dump + view + foreignKey('key_uses', 'key', 'keys'), domainsWith(KEYS));
    expect(sql).not.toContain('sec.keys ');
    expect(sql).not.toContain('busy');
    expect(findings).toContainEqual(
      expect.objectContaining({
        kind: 'left',
        object: 'table sec.keys',
        why: 'no type holds the values of uses: int4 of public.keys, bool of public.old_keys',
      }),
    );
    const cast = { ...KEYS.merge[0]!, columns: { ...origin('keys'), uses: { from: 'uses', cast: 'text' } } };
    const old = { ...KEYS.merge[1]!, columns: { ...origin('old'), uses: { from: 'uses', cast: 'text' } } };
    const asText = await generated(dump, domainsWith({ ...KEYS, merge: [cast, old] }));
    expect(ofTable(asText.of('tables'), 'sec.keys')[0]).toContain('uses text NOT NULL');
  });

  test('of keys that are counted has one that is made, without what the old one had by its type', async () => {
    const serial = (name: string) =>
      table(name, 'id integer NOT NULL, code text NOT NULL') +
      `ALTER TABLE ONLY public.${name} ALTER COLUMN id SET DEFAULT nextval('public.${name}_id_seq'::regclass);\n`;
    const entry = (name: string) => ({
      from: `public.${name}`,
      columns: { id: { uuid: ['id'], namespace: NAMESPACE } },
    });
    const uses = table('code_uses', 'id bigint NOT NULL, code integer') + foreignKey('code_uses', 'code', 'old_codes');
    const lookup = { lookup: 'sec.codes.id', of: ['code'], in: 'public.old_codes' };
    const { of, findings } = await generated(serial('codes') + serial('old_codes') + uses, {
      sec: {
        codes: { merge: [entry('codes'), entry('old_codes')] },
        code_uses: { from: 'public.code_uses', columns: { code: lookup } },
      },
    });
    const [create, primary] = ofTable(of('tables'), 'sec.codes');
    expect(create).toContain('id uuid NOT NULL');
    expect(primary).toContain('PRIMARY KEY (id)');
    expect(of('tables').join('\n')).not.toContain('nextval');
    expect(ofTable(of('tables'), 'sec.code_uses')[0]).toContain('code uuid');
    expect(of('foreign_keys')[0]).toContain('FOREIGN KEY (code) REFERENCES sec.codes(id)');
    expect(findings.map(({ why }) => why)).toContain('its column is of another type there: it has none of it');
  });
});

test('what names an index is written where that is made', async () => {
  const dump = TABLES.replace(/ALTER TABLE ONLY public.keys .*/, '').replace('owner uuid,', 'owner uuid NOT NULL,');
  const index = (name: string, of: string) =>
    `CREATE UNIQUE INDEX one ON public.${name} USING btree (${of});
     ALTER TABLE ONLY public.${name} REPLICA IDENTITY USING INDEX one; ALTER TABLE public.${name} CLUSTER ON one;\n`;
  const merged = await generated(dump + index('keys', 'hash'), domainsWith(KEYS));
  expect(merged.sql).toContain('keys_hash_one');
  expect(merged.sql).not.toMatch(/REPLICA IDENTITY|CLUSTER/);
  const left = merged.findings.map(({ object, why }) => `${object}: ${why}`);
  expect(left).toEqual(expect.arrayContaining(['replica identity of public.keys: the index one need not be there']));
  const parts = {
    a: { users: { from: 'public.users', pick: ['id'] } },
    b: { users: { from: 'public.users', pick: ['email', 'id'] } },
  };
  const split = await generated(dump + index('users', 'email'), parts);
  const named = split.of('indexes').filter((sql) => /REPLICA IDENTITY|CLUSTER/.test(sql));
  expect(named).toEqual([expect.stringContaining('b.users'), expect.stringContaining('b.users')]);
});

describe('a comment', () => {
  const on = (kind: string, name: string, of = '') => `COMMENT ON ${kind} ${name}${of} IS 'x';\n`;
  const commented = (of: (phase: 'comments_and_publications') => string[]) =>
    of('comments_and_publications').map((sql) => /^COMMENT ON (.*) IS/.exec(sql)?.[1]);

  test('on a constraint or index of a table that is split stands where that is', async () => {
    const { of } = await generated(
      table('people', 'id integer NOT NULL, name text NOT NULL, CONSTRAINT named CHECK ((length(name) > 0))') +
        'ALTER TABLE ONLY public.people ADD CONSTRAINT one_name UNIQUE (name);\n' +
        'CREATE INDEX by_name ON public.people USING btree (name);\n' +
        ['one_name', 'people_pkey', 'named'].map((name) => on('CONSTRAINT', name, ' ON public.people')).join('') +
        on('INDEX', 'public.by_name') +
        on('INDEX', 'public.people_pkey'),
      {
        a: { people: { from: 'public.people', pick: ['id'] } },
        b: { people: { from: 'public.people' } },
      },
    );
    expect(commented(of).sort()).toEqual([
      ...['CONSTRAINT named ON b.people', 'CONSTRAINT one_name ON b.people'],
      ...['CONSTRAINT people_pkey ON a.people', 'CONSTRAINT people_pkey ON b.people'],
      ...['INDEX a.people_pkey', 'INDEX b.by_name', 'INDEX b.people_pkey'],
    ]);
  });

  test('on one of merged tables stands where it is not left', async () => {
    const { of } = await made(
      'CREATE UNIQUE INDEX by_hash ON public.keys USING btree (hash);\n' +
        'CREATE UNIQUE INDEX by_uses ON public.keys USING btree (uses);\n' +
        'CREATE INDEX by_owner ON public.keys USING btree (owner);\n' +
        ['by_hash', 'by_uses', 'by_owner', 'keys_pkey'].map((name) => on('INDEX', `public.${name}`)).join('') +
        on('CONSTRAINT', 'keys_pkey', ' ON public.keys') +
        on('CONSTRAINT', 'old_keys_pkey', ' ON public.old_keys'),
    );
    expect(commented(of)).toEqual(['INDEX sec.by_owner', 'INDEX sec.keys_pkey', 'CONSTRAINT keys_pkey ON sec.keys']);
  });
});

describe('columns that are counted', () => {
  const counted = (name: string, column: string) =>
    `ALTER TABLE public.${name} ALTER COLUMN ${column} ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.${name}_${column}_seq);
     GRANT ALL ON SEQUENCE public.${name}_${column}_seq TO anon; COMMENT ON SEQUENCE public.${name}_${column}_seq IS 'n';\n`;
  const uuid = (from: string) => ({ from, columns: { id: { uuid: ['id'], namespace: NAMESPACE } } });
  const merged = { sec: { codes: { merge: [uuid('public.codes'), uuid('public.old_codes')] } } };
  const pair = (columns: string) => table('codes', columns) + table('old_codes', 'id integer NOT NULL');
  const left = (findings: Awaited<ReturnType<typeof generated>>['findings']) =>
    findings.filter(({ kind }) => kind === 'left').map(({ object, why }) => `${object}: ${why}`);

  test('have no identity where they take nulls', async () => {
    const { sql, findings } = await generated(
      pair('id integer NOT NULL, seq bigint NOT NULL') + counted('codes', 'seq'),
      merged,
    );
    expect(sql).not.toMatch(/IDENTITY|SEQUENCE/);
    expect(left(findings)).toEqual([
      'column seq of public.codes: not all tables that are merged with it fill its column, which takes nulls',
    ]);
  });

  test('give their next number to rows of others, and are not unique', async () => {
    const serial =
      "ALTER TABLE ONLY public.codes ALTER COLUMN seq SET DEFAULT nextval('public.codes_seq_seq'::regclass);\n" +
      'ALTER TABLE ONLY public.codes ADD CONSTRAINT one_seq UNIQUE (seq);\n';
    const { sql, findings } = await generated(pair('id integer NOT NULL, seq bigint NOT NULL') + serial, merged);
    expect(sql).not.toContain('one_seq');
    expect(left(findings)).toEqual([
      'constraint one_seq of public.codes: rows of tables that are merged with it need not be unique in it',
    ]);
    expect(findings.map(({ why }) => why)).toContain(
      'rows of public.old_codes, which does not fill it, get its default',
    );
  });

  test('have their sequences where they are, and nothing is said of these elsewhere', async () => {
    const one = table('codes', 'id integer NOT NULL, n integer NOT NULL') + counted('codes', 'id');
    const made = await generated(one, { sec: { codes: { ...uuid('public.codes'), lineage: true } } });
    expect(made.sql).not.toMatch(/IDENTITY|SEQUENCE/);
    const split = await generated(one, {
      a: { codes: { from: 'public.codes', pick: ['id'] } },
      b: { numbers: { ...uuid('public.codes'), lineage: true, drop: ['id'] } },
    });
    expect(split.sql.match(/SEQUENCE (NAME )?\w\.\w+/g)).toEqual(
      expect.arrayContaining(['SEQUENCE NAME a.codes_id_seq', 'SEQUENCE a.codes_id_seq']),
    );
    expect(split.sql).not.toContain('b.codes_id_seq');
  });
});

describe('the key of what several tables become', () => {
  const primary = async (columns: string, entry: object, more: object = {}, key = 'x, y') => {
    const { of, findings } = await generated(table('a', columns, key) + table('b', columns, key), {
      sec: {
        ab: {
          merge: [
            { from: 'public.a', ...entry },
            { from: 'public.b', ...entry },
          ],
          ...more,
        },
      },
    });
    const left = findings.filter(({ object }) => object === 'primary key of sec.ab');
    return of('tables')
      .flatMap((sql) => /PRIMARY KEY \((.*?)\)/.exec(sql)?.[1] ?? [])
      .concat(left.map(({ why }) => why));
  };
  const PAIR = 'x integer NOT NULL, y integer NOT NULL';
  const ID = 'id integer NOT NULL';
  const uuid = (...of: string[]) => ({ id: { uuid: of, namespace: NAMESPACE } });
  const NONE = 'no column is the key of each of its tables';

  test.each([
    ['is made, beside keys that move', PAIR, { columns: uuid('x', 'y') }, {}, 'x, y', 'id'],
    ['is made in the place of what is renamed', ID, { rename: { id: 'old' }, columns: uuid('id') }, {}, 'id', 'id'],
    ['is made, beside a copy', ID, { columns: { old: { from: 'id' }, ...uuid('id') } }, {}, 'id', 'id'],
    ['is what makes rows one', PAIR, { columns: uuid('x', 'y') }, { unique: ['x', 'y'] }, 'x, y', 'x, y'],
    ['is not what two values become', ID, { columns: { id: { from: 'id', steps: ['lower'] } } }, {}, 'id', NONE],
    ['is not what a map makes', ID, { columns: { id: { from: 'id', steps: [{ map: { 1: 2 } }] } } }, {}, 'id', NONE],
    ['is not run together', PAIR, { columns: { id: { concat: ['x', 'y'] } }, drop: ['x', 'y'] }, {}, 'x, y', NONE],
    ['is written differently', ID, { columns: { id: { template: 'a-{id}' } } }, {}, 'id', 'id'],
  ])('%s', async (_, columns, entry, more, key, expected) => {
    expect(await primary(columns, entry, more, key)).toEqual([expected]);
  });
});

test('of a table that is split each part has its own columns, and the key that is made for it', async () => {
  const { of, findings } = await generated(
    table('people', 'id integer NOT NULL, name text NOT NULL, mail text, plan text') +
      'ALTER TABLE ONLY public.people ADD CONSTRAINT one_name UNIQUE (name);\n' +
      'CREATE INDEX by_plan ON public.people USING btree (plan);\n',
    {
      shared: { people: { from: 'public.people', pick: ['id', 'name'] } },
      billing: {
        plans: {
          from: 'public.people',
          lineage: true,
          pick: ['plan'],
          columns: { plan_id: { uuid: ['id'], namespace: NAMESPACE } },
        },
      },
    },
  );
  const tables = of('tables').map((sql) => sql.replaceAll(/\s+/g, ' '));
  expect(ofTable(tables, 'shared.people')[0]).toMatch(
    /\( id (integer|int|pg_catalog\.int4) NOT NULL, name text NOT NULL \)$/,
  );
  expect(ofTable(tables, 'billing.plans')[0]).toMatch(/\( plan text \)$/);
  expect(ofTable(tables, 'billing.plans').at(-1)).toContain('PRIMARY KEY (plan_id)');
  expect(ofTable(tables, 'shared.people').at(-1)).toContain('UNIQUE (name)');
  expect(tables.join('\n')).toContain('ALTER TABLE ONLY shared.people ADD CONSTRAINT people_pkey PRIMARY KEY (id)');
  expect(of('indexes')).toEqual(['CREATE INDEX IF NOT EXISTS by_plan ON billing.plans USING btree (plan)']);
  expect(findings.filter(({ kind }) => kind === 'left')).toEqual([]);
});
