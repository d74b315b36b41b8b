import { expect, test } from 'vitest';
import { restoreText } from './restore-text.js';

const entry = (name: string, type: string, sql: string, schema = 'public') =>
  `--\n-- Name: ${name}; Type: ${type}; Schema: ${schema}; Owner: postgres\n--\n\n${sql}\n\n\n`;
const table = (...elements: string[]) =>
  entry('t', 'TABLE', `CREATE TABLE public.t (\n    ${elements.join(',\n    ')}\n);`);

/** Without the settings that stand before. */
const restore = async (live: string, snapshot: string) =>
  (await restoreText(live, snapshot))
    .split('\n')
    .slice(3)
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ');

test('columns, checks, defaults and NOT NULL go back, and the rows stay', async () => {
  const before = table('id integer NOT NULL', "note text DEFAULT 'x'::text", 'CONSTRAINT c CHECK ((id > 0))');
  const now = table('id integer', 'note text', '"more it" jsonb', 'CONSTRAINT c CHECK ((id > 1))');
  expect(await restore(now, before)).toBe(
    'ALTER TABLE public.t DROP CONSTRAINT c RESTRICT, DROP COLUMN "more it" RESTRICT, ALTER COLUMN id SET NOT NULL, ' +
      "ALTER COLUMN note SET DEFAULT 'x'::text, ADD CONSTRAINT c CHECK (id > 0);",
  );
  expect(await restore(before, before)).toBe('');
});

test('drops go from the end to the beginning, and what is missing is made in the order of the dump', async () => {
  const a = entry('e', 'TYPE', "CREATE TYPE public.e AS ENUM (\n    'a'\n);");
  const b = entry('u', 'TABLE', 'CREATE TABLE public.u (\n    id integer DEFAULT 1,\n    kind public.e\n);');
  const c = entry('u_i', 'INDEX', 'CREATE INDEX u_i ON public.u USING btree (id);');
  const d = entry(
    't t_fk',
    'FK CONSTRAINT',
    'ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_fk FOREIGN KEY (id) REFERENCES public.u(id);',
  );
  const t = table('id integer');
  expect(await restore(a + b + t + c + d, t)).toBe(
    'ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS t_fk RESTRICT; DROP TABLE IF EXISTS "public"."u"; DROP TYPE IF EXISTS "public"."e";',
  );
  const made = await restore(t, a + b + t + c + d);
  expect(made.match(/CREATE \w+|ADD CONSTRAINT/g)).toEqual([
    'CREATE TYPE',
    'CREATE TABLE',
    'CREATE INDEX',
    'ADD CONSTRAINT',
  ]);
});

test('a function takes its definition back without being dropped', async () => {
  const f = (body: string) =>
    entry('f()', 'FUNCTION', `CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS $$${body}$$;`);
  expect(await restore(f('SELECT 2'), f('SELECT 1'))).toMatch(
    /^CREATE OR REPLACE FUNCTION public.f\(\) .*SELECT 1\$\$;$/,
  );
});

const view = (name: string, query: string) => entry(name, 'VIEW', `CREATE VIEW public.${name} AS\n ${query};`);

test('a view that has more columns is made again, with its grants; one that has not is replaced', async () => {
  const grant = entry('TABLE v', 'ACL', 'GRANT SELECT ON TABLE public.v TO reader;');
  const [is, was] = ['SELECT 1 AS a,\n    2 AS b', 'SELECT 1 AS a'].map((query) => view('v', query) + grant);
  expect(await restore(is!, was!)).toBe(
    'DROP VIEW IF EXISTS "public"."v"; CREATE VIEW public.v AS SELECT 1 AS a; GRANT SELECT ON TABLE public.v TO reader;',
  );
  expect(await restore(was!, is!)).toBe('CREATE OR REPLACE VIEW public.v AS SELECT 1 AS a, 2 AS b;');
});

test('another type, and what is partitioned in another way, is for a person', async () => {
  await expect(restore(table('id bigint'), table('id integer'))).rejects.toThrow(
    'public.t cannot be made as it was: column id is bigint, and was int',
  );
  const partitioned = table('id integer').replace(');', ')\nPARTITION BY LIST (id);');
  await expect(restore(partitioned, table('id integer'))).rejects.toThrow('it is made in another way');
});
