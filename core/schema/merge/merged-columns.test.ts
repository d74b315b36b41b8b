import { describe, expect, test } from 'vitest';
import { type Domains, generated } from '../../../test/support/generated-schema.js';

const table = (name: string, columns: string) =>
  `CREATE TABLE public.${name} (id uuid NOT NULL, ${columns});
   ALTER TABLE ONLY public.${name} ADD CONSTRAINT ${name}_pkey PRIMARY KEY (id);\n`;
const one = (a: object, b: object): Domains => ({
  s: {
    one: {
      merge: [
        { from: 'public.a', ...a },
        { from: 'public.b', ...b },
      ],
      unique: ['id'],
    },
  },
});
const made = async (dump: string, a: object = {}, b: object = {}) => {
  const { of, findings } = await generated(dump, one(a, b));
  const left = findings.filter(({ kind }) => kind === 'left');
  return {
    create: of('tables')
      .find((sql) => sql.startsWith('CREATE TABLE'))
      ?.replaceAll(/\s+/g, ' '),
    of,
    left: left.map(({ object, why, remedy }) => `${object}: ${why}. ${remedy}`),
  };
};

describe('a column of the one table', () => {
  test('that rules fill with texts keeps its own type, and what is of it', async () => {
    const columns = "state public.state DEFAULT 'on'::public.state NOT NULL, active boolean NOT NULL";
    const dump = `CREATE TYPE public.state AS ENUM ('on', 'off');\n${table('a', columns)}${table('b', columns)}`;
    const rules = {
      columns: { state: { from: 'state', steps: [{ map: { on: 'on', off: 'off' } }] }, active: { constant: true } },
    };
    const { create } = await made(dump, rules, rules);
    expect(create).toMatch(/state s\.state DEFAULT .* NOT NULL, active boolean NOT NULL/);
  });

  test('stands in the place of the one that moves there, not of one that is dropped', async () => {
    const dump = table('a', 'code integer, code_text character varying(9) NOT NULL') + table('b', 'code text');
    const { create } = await made(dump, { rename: { code_text: 'code' }, drop: ['code'] });
    expect(create).toMatch(/\(id uuid NOT NULL, code text\)|\( id uuid NOT NULL, code text \)/);
  });

  test('that only one behind computes is left, with what names it', async () => {
    const total = 'total integer GENERATED ALWAYS AS ((n * 2)) STORED';
    const view = 'CREATE VIEW public.totals AS SELECT b.total FROM public.b;\n';
    const lacking = await made(table('a', 'n integer') + table('b', `n integer, ${total}`) + view);
    expect(lacking.of('functions_and_views')).toEqual([]);
    expect(lacking.left.map((text) => text.split('.')[0])).toEqual([
      expect.stringContaining('column total of table public'),
      expect.stringContaining('view public'),
    ]);
    for (const own of [total, 'total integer']) {
      const having = await made(table('a', `n integer, ${own}`) + table('b', `n integer, ${total}`) + view);
      expect(having.of('functions_and_views').join()).toContain('SELECT b.total');
      expect(having.left).toEqual([]);
    }
  });
});

test.each([
  ['n integer', 'n boolean', 'no type holds', 'by `cast`'],
  ['n integer, m integer GENERATED ALWAYS AS (n) STORED', 'm integer', 'm is generated in public.a', 'by `drop`'],
  ['n integer) PARTITION BY LIST (id', 'n integer', 'it is partitioned', 'Write it by hand'],
  ['n integer', undefined, 'the dump has no table public.b', 'Take it out of `merge`'],
])('what stands against one table is named with its own remedy: %s, %s', async (a, b, why, remedy) => {
  const { left } = await made(table('a', a) + (b === undefined ? '' : table('b', b)));
  expect(left).toEqual([expect.stringMatching(new RegExp(`^table s.one: .*${why}.*${remedy}`))]);
});
