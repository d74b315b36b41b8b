import { expect, test } from 'vitest';
import { invertMappings } from '../../../core/mapping/invert.js';
import { mappedSides, sideTable } from '../../../test/support/mapped-sides.js';
import { leftBehindOf } from './left-behind.js';
import type { Session, Statement, TextRow } from './session.js';

const USERS = sideTable('id* int4, tenant int4, name text, mail text');
const OLD = {
  from: '"public"."users" AS t',
  columns: [],
  key: [{ expression: 't."id"', literalType: 'integer' }],
  recode: false,
};

/** A session whose old table has these rows: version, key, and what is asked for. */
function sessionOf(rows: TextRow[]): Session & { readonly asked: readonly Statement[] } {
  const asked: Statement[] = [];
  return {
    side: 'target',
    asked,
    read: async (query: Statement) => {
      asked.push(query);
      return rows;
    },
  };
}

function waysBack(where: string) {
  const sides = mappedSides(
    {
      auth: '  logins: {from: public.users, pick: [id, mail]}\n',
      growth: `  profiles: {from: public.users, pick: [id, tenant, name]${where}}\n`,
    },
    {
      'public.users': USERS,
      'auth.logins': sideTable('id* int4, mail text'),
      'growth.profiles': sideTable('id* int4, tenant int4, name text'),
    },
  );
  return { forward: sides.map(({ mapping }) => mapping), back: invertMappings(sides).tables };
}

test('of a part every row that it does not have is another one’s', async () => {
  const { forward, back } = waysBack('');
  const session = sessionOf([]);
  const at = { session, shape: { target: OLD }, forward };
  const [rows, part] = back;
  expect([rows!.join, part!.join]).toEqual(['rows', 'part']);
  expect(leftBehindOf(rows!, at)).toBeUndefined();
  expect(await leftBehindOf(part!, at)!([['1'], ['2']])).toEqual(new Set(['["1"]', '["2"]']));
  expect(session.asked).toEqual([]);
});

test('of rows those that the other direction does not move', async () => {
  const notes = sideTable('id* int4, tenant int4');
  const sides = mappedSides(
    {
      a: '  notes: {from: public.notes, where: tenant = 1}\n',
      b: '  notes: {from: public.notes, where: tenant = 2}\n',
    },
    { 'public.notes': notes, 'a.notes': notes, 'b.notes': notes },
  );
  const [back] = invertMappings(sides).tables;
  expect(back!.join).toBe('rows');
  const session = sessionOf([
    ['v', '1', '1'],
    ['v', '2', '2'],
  ]);
  const at = { session, shape: { target: OLD }, forward: sides.map(({ mapping }) => mapping) };
  expect(await leftBehindOf(back!, at)!([['1'], ['2']])).toEqual(new Set(['["2"]']));
  expect(session.asked).toHaveLength(1);
});
