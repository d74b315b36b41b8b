import { describe, expect, test } from 'vitest';
import { readScript } from '../script.js';
import { readReplaced } from './replaced.js';
import { rollbackText } from './write-rollback.js';

const write = async (sql: string) => {
  const text = rollbackText(await readScript('1_a.sql', sql));
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ');
};

test.each([
  ['CREATE TABLE a.b (id int)', 'DROP TABLE IF EXISTS "a"."b";'],
  ['CREATE TABLE "A"."b c" (id int)', 'DROP TABLE IF EXISTS "A"."b c";'],
  ['CREATE SCHEMA growth', 'DROP SCHEMA IF EXISTS "growth";'],
  ['CREATE VIEW a.v AS SELECT 1', 'DROP VIEW IF EXISTS "a"."v";'],
  ['CREATE MATERIALIZED VIEW a.m AS SELECT 1', 'DROP MATERIALIZED VIEW IF EXISTS "a"."m";'],
  ["CREATE TYPE a.e AS ENUM ('x')", 'DROP TYPE IF EXISTS "a"."e";'],
  ['CREATE TYPE a.c AS (x int)', 'DROP TYPE IF EXISTS "a"."c";'],
  ['CREATE DOMAIN a.d AS int', 'DROP DOMAIN IF EXISTS "a"."d";'],
  ['CREATE SEQUENCE a.s', 'DROP SEQUENCE IF EXISTS "a"."s";'],
  ['CREATE INDEX CONCURRENTLY i ON a.b (x)', 'DROP INDEX IF EXISTS "a"."i";'],
  ['CREATE POLICY "p q" ON a.b USING (true)', 'DROP POLICY IF EXISTS "p q" ON "a"."b";'],
  ['CREATE TRIGGER t BEFORE INSERT ON a.b FOR EACH ROW EXECUTE FUNCTION f()', 'DROP TRIGGER IF EXISTS "t" ON "a"."b";'],
  [
    "CREATE FUNCTION a.f(a int, OUT b text, VARIADIC c text[]) LANGUAGE sql AS 'SELECT 1'",
    'DROP FUNCTION IF EXISTS "a"."f"(int, text[]);',
  ],
  [
    'ALTER TABLE a.b ADD COLUMN x int, ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE IF EXISTS a.b DISABLE ROW LEVEL SECURITY, DROP COLUMN IF EXISTS x RESTRICT;',
  ],
  ['ALTER TABLE a.b ADD CONSTRAINT c CHECK (x > 1)', 'ALTER TABLE IF EXISTS a.b DROP CONSTRAINT IF EXISTS c RESTRICT;'],
  ['ALTER TABLE a.b RENAME COLUMN x TO y', 'ALTER TABLE a.b RENAME COLUMN y TO x;'],
  ['ALTER TABLE a.b RENAME TO c', 'ALTER TABLE a.c RENAME TO b;'],
  ['ALTER TABLE public.b SET SCHEMA growth', 'ALTER TABLE growth.b SET SCHEMA public;'],
  ['GRANT SELECT ON a.b TO x', 'REVOKE SELECT ON a.b FROM x RESTRICT;'],
  [
    'CREATE TRIGGER "t t" BEFORE INSERT ON "A"."b""c" FOR EACH ROW EXECUTE FUNCTION f()',
    'DROP TRIGGER IF EXISTS "t t" ON "A"."b""c";',
  ],
  [
    'CREATE FUNCTION "A"."f f"("T"."e e"[], numeric(3,1)) RETURNS int LANGUAGE sql AS \'SELECT 1\'',
    'DROP FUNCTION IF EXISTS "A"."f f"("T"."e e"[], numeric(3, 1));',
  ],
  [
    'ALTER TABLE "A"."b c" ADD "d e" int, ADD CONSTRAINT "f g" CHECK (true)',
    'ALTER TABLE IF EXISTS "A"."b c" DROP CONSTRAINT IF EXISTS "f g" RESTRICT, DROP COLUMN IF EXISTS "d e" RESTRICT;',
  ],
  ['ALTER TABLE "A"."b c" RENAME "d e" TO "f g"', 'ALTER TABLE "A"."b c" RENAME COLUMN "f g" TO "d e";'],
  ['GRANT SELECT ("c d") ON "A"."b c" TO "r s"', 'REVOKE SELECT ( "c d" ) ON "A"."b c" FROM "r s" RESTRICT;'],
  ['SET search_path = a', ''],
])('%s: %s', async (sql, undo) => {
  expect(await write(sql)).toBe(undo);
});

test.each([
  'UPDATE a.b SET x = 1',
  'INSERT INTO a.b VALUES (1)',
  'DROP TABLE a.b',
  "CREATE OR REPLACE FUNCTION a.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'ALTER TABLE a.b ALTER x TYPE bigint',
  "ALTER TYPE a.e ADD VALUE 'y'",
  'DO $$ BEGIN END $$',
  'CREATE TABLE IF NOT EXISTS a.b (id int)',
])('%s is for a person', async (sql) => {
  expect(await write(`SELECT 1;\n${sql};`)).toContain(`-- REVIEW line 2, ${sql}: `);
});

describe('what was replaced', () => {
  const entry = (name: string, type: string, sql: string, schema = 'a') =>
    `--\n-- Name: ${name}; Type: ${type}; Schema: ${schema}; Owner: me\n--\n\n${sql}\n\n\n`;
  const fn = (parameters: string, body: string, schema = 'a') => {
    const name = `f(${parameters.replace(/ DEFAULT .*/, '')})`;
    const create = `CREATE FUNCTION ${schema}.f(${parameters}) RETURNS int\n    LANGUAGE sql\n    AS $$${body}$$;`;
    return entry(name, 'FUNCTION', `${create}\n\n\nALTER FUNCTION ${schema}.${name} OWNER TO me;`, schema);
  };
  const undo = async (sql: string, before: string, after: string) => {
    const script = await readScript('1_a.sql', sql);
    const text = rollbackText(script, { replaced: await readReplaced(before, after) });
    return text.split('\n').slice(2).filter(Boolean).join('\n');
  };

  test('has its definition of before, by name and types, and not its owner', async () => {
    const sql = 'CREATE OR REPLACE FUNCTION a.f(x int8, y "timestamptz"[]) RETURNS int LANGUAGE sql AS $$SELECT 2$$';
    const types = 'x bigint, y timestamp with time zone[]';
    const [before, after] = ['1', '2'].map((body) => fn('x text', '') + fn(types, `SELECT ${body}`));
    expect(await undo(sql, before!, after!)).toBe(
      `CREATE OR REPLACE FUNCTION a.f(${types}) RETURNS int\n    LANGUAGE sql\n    AS $$SELECT 1$$;`,
    );
    expect(await undo(sql, after!, after!)).toBe('');
  });

  test('is dropped where it was not there', async () => {
    const sql = "CREATE OR REPLACE FUNCTION f(x text) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    expect(await undo(sql, fn('x integer', ''), fn('x integer', '') + fn('x text', ''))).toBe(
      'DROP FUNCTION IF EXISTS "f"(text);',
    );
  });

  test('is for a person where two have its name, and made again where CREATE OR REPLACE does not lead back', async () => {
    const sql = "CREATE OR REPLACE FUNCTION f(x text) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    const both = fn('x text', '') + fn('x text', '', 'b');
    expect(await undo(sql, both, both)).toContain('-- REVIEW line 1');
    const [before, after] = [fn('x text', ''), fn("x text DEFAULT ''", '')];
    expect(await undo(sql, before, after)).toMatch(/^DROP FUNCTION IF EXISTS "a"."f"\(text\);\nCREATE FUNCTION a.f/);
  });

  test('may be a view', async () => {
    const view = (query: string) => entry('v', 'VIEW', `CREATE VIEW a.v AS\n ${query};`);
    const sql = 'CREATE OR REPLACE VIEW a.v AS SELECT 2 AS x';
    expect(await undo(sql, view('SELECT 1 AS x'), view('SELECT 2 AS x'))).toBe(
      'CREATE OR REPLACE VIEW a.v AS\n SELECT 1 AS x;',
    );
  });
});

describe('what the catalog tells', () => {
  const object = (kind: string, name: string) => ({ kind, name, definition: '' });
  const undo = async (sql: string, added: ReturnType<typeof object>[]) => {
    const text = rollbackText(await readScript('1_a.sql', sql), { added });
    return text.split('\n').slice(2).filter(Boolean).join('\n');
  };

  test.each([
    ['CREATE TABLE IF NOT EXISTS a.b (id int)', object('table', 'a.b'), 'DROP TABLE IF EXISTS "a"."b";'],
    ['CREATE TABLE IF NOT EXISTS "b.c" (id int)', object('table', 'a."b.c"'), 'DROP TABLE IF EXISTS "b.c";'],
    ['CREATE SCHEMA IF NOT EXISTS a', object('schema', 'a'), 'DROP SCHEMA IF EXISTS "a";'],
    ['CREATE EXTENSION IF NOT EXISTS citext', object('extension', 'citext'), 'DROP EXTENSION IF EXISTS "citext";'],
    ['CREATE SEQUENCE IF NOT EXISTS a.s', object('sequence', 'a.s'), 'DROP SEQUENCE IF EXISTS "a"."s";'],
    ['CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a.b (x)', object('index', 'a.i'), 'DROP INDEX IF EXISTS "a"."i";'],
  ])('%s is taken back where it made something, and only there', async (sql, made, expected) => {
    expect(await undo(sql, [made, object('table', 'z.z')])).toBe(expected);
    expect(await undo(sql, [object(made.kind, 'z.other')])).toBe('');
    expect(await write(sql)).toContain('-- REVIEW');
  });

  test('what is said of a schema goes with it', async () => {
    const sql = "CREATE SCHEMA IF NOT EXISTS a; COMMENT ON SCHEMA a IS 'x'";
    expect(await undo(sql, [object('schema', 'a')])).toBe('DROP SCHEMA IF EXISTS "a";');
    expect(await undo(sql, [])).toContain('-- REVIEW line 1, COMMENT');
  });

  test('columns are told apart', async () => {
    const sql = 'ALTER TABLE a.b ADD COLUMN IF NOT EXISTS x int, ADD COLUMN IF NOT EXISTS y int';
    expect(await undo(sql, [object('column', 'a.b.x')])).toMatch(/DROP COLUMN IF EXISTS x RESTRICT;$/);
    expect(await undo(sql, [])).toBe('');
    expect(await write(sql)).toMatch(/^-- REVIEW .*: no way back is known for AddColumn, AddColumn$/);
  });

  test('a name that may mean two, or that was changed in the same file, is for a person', async () => {
    const two = [object('table', 'a.b'), object('table', 'c.b')];
    expect(await undo('CREATE TABLE IF NOT EXISTS b (id int)', two)).toContain('-- REVIEW');
    expect(await undo('CREATE TABLE IF NOT EXISTS b (id int); ALTER TABLE b RENAME TO c', [])).toContain('-- REVIEW');
  });
});

describe('what was dropped', () => {
  const entry = (name: string, type: string, sql: string) =>
    `--\n-- Name: ${name}; Type: ${type}; Schema: a; Owner: me\n--\n\n${sql}\n\n`;
  const before =
    entry('b own', 'POLICY', 'CREATE POLICY own ON a.b;') +
    entry('v', 'VIEW', 'CREATE VIEW a.v AS SELECT 1;') +
    entry('TABLE v', 'ACL', 'GRANT SELECT ON TABLE a.v TO r;');
  const undo = async (sql: string) => {
    const text = rollbackText(await readScript('1_a.sql', sql), { before });
    return text.split('\n').slice(2).filter(Boolean).join(' ');
  };

  test('and has no rows is made again, with its grants', async () => {
    expect(await undo('DROP POLICY own ON a.b')).toBe('CREATE POLICY own ON a.b;');
    expect(await undo('DROP VIEW v')).toBe('CREATE VIEW a.v AS SELECT 1; GRANT SELECT ON TABLE a.v TO r;');
    expect(await undo('DROP INDEX IF EXISTS a.gone')).toBe('');
  });

  test.each(['DROP TABLE a.b', 'DROP VIEW a.v CASCADE', 'DROP INDEX a.gone', 'DROP POLICY own ON z.b'])(
    'is for a person: %s',
    async (sql) => {
      expect(await undo(sql)).toContain('-- REVIEW line 1');
    },
  );
});

test('the last comes first, and what goes with a table that is new needs nothing', async () => {
  const sql = `CREATE TABLE a.b (id int);
    CREATE TABLE a.c (id int);
    ALTER TABLE a.b ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES a.c;
    ALTER TABLE a.b ENABLE ROW LEVEL SECURITY;
    CREATE INDEX ON a.b (id);
    CREATE POLICY p ON a.b USING (true);
    COMMENT ON TABLE a.b IS 'x'; COMMENT ON COLUMN a.b.id IS 'x';
    INSERT INTO a.b VALUES (1);
    GRANT SELECT ON a.b, a.c TO x;`;
  expect(await write(sql)).toBe(
    'ALTER TABLE IF EXISTS a.b DROP CONSTRAINT IF EXISTS fk RESTRICT; DROP TABLE IF EXISTS "a"."c"; DROP TABLE IF EXISTS "a"."b";',
  );
});

test('rows are looked at once a kind; each thing that was dropped by itself', async () => {
  const sql = Array.from({ length: 500 }, (_, row) => `INSERT INTO a.b VALUES (${row}); UPDATE a.b SET x = 1;`).join(
    '\n',
  );
  const text = await write(`${sql}\nDROP TABLE a.c;\nDROP TABLE a.d;`);
  expect(text.match(/-- REVIEW line \d+, \w+/g)).toEqual([
    '-- REVIEW line 502, DROP',
    '-- REVIEW line 501, DROP',
    '-- REVIEW line 1, UPDATE',
    '-- REVIEW line 1, INSERT',
  ]);
  expect(text.match(/and 499 more like it/g)).toHaveLength(2);
});
