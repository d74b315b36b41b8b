import { expect, test } from 'vitest';
import { checkExpectations, parseExpectations } from './expectations.js';

const TEXT = `-- ferry: expect tables=2 policies=1 in public, growth
-- ferry: expect tables=3 tables>=2 tables>=4
-- ferry: expect function growth.rank
-- ferry: expect function growth.gone
-- ferry: expect size<=1MB
SELECT 1; -- ferry: expect nonsense
`;
const object = (kind: string, name: string) => ({ kind, name, definition: '' });
const OBJECTS = [
  object('table', 'public.a'),
  object('table', 'growth.b'),
  object('table', 'publicity.c'),
  object('policy', 'growth.b.p'),
  object('function', 'growth.rank(a integer)'),
];

test('counts, existence and size are checked, each by itself', () => {
  const found = { objects: OBJECTS, bytes: 3 * 2 ** 20 };
  expect(checkExpectations(parseExpectations('t.sql', TEXT), found)).toEqual([
    { name: '2 of kind table in public, growth', ok: true },
    { name: '1 of kind policy in public, growth', ok: true },
    { name: '3 of kind table', ok: true },
    { name: 'at least 2 of kind table', ok: true },
    { name: 'at least 4 of kind table', ok: false, message: 'there are 3' },
    { name: 'function growth.rank is there', ok: true },
    { name: 'function growth.gone is there', ok: false, message: 'it is missing' },
    { name: 'the database has at most 1 MB', ok: false, message: 'it has 3 MB' },
  ]);
});

test.each(['tabels=3', 'tables=many', 'size<=3', 'tables'])('%s is refused', (words) => {
  expect(() => parseExpectations('t.sql', `-- ferry: expect ${words}`)).toThrow(`t.sql: -- ferry: expect ${words}`);
});
