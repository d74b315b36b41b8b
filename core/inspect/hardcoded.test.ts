import { expect, test } from 'vitest';
import { type Definition, findHardcoded, findUnqualified } from './hardcoded.js';

const body = (text: string): Definition => ({ kind: 'function', object: 'public.f()', text });
const lines = (text: string) =>
  findHardcoded([body(text)], new Set(['public', 'my.app'])).map(({ line, names }) => [line, ...names]);

test('names each line that names a schema, with what it names', () => {
  const text = `
BEGIN
  SELECT * FROM public.users u JOIN "public"."Odd ""Name" o ON u.id = o.id;
  INSERT INTO PUBLIC . orders VALUES (1);
  PERFORM "my.app".f();
END`;
  expect(lines(text)).toEqual([
    [3, 'public.users', 'public.Odd "Name'],
    [4, 'PUBLIC.orders'],
    [5, 'my.app.f'],
  ]);
});

test('dynamic SQL is read, too, comments are not', () => {
  const text = `EXECUTE format('SELECT * FROM public.%I', t); -- public.gone
/* public.gone
   too */ SELECT 'it''s -- public.users'`;
  expect(lines(text)).toEqual([
    [1, 'public.%I'],
    [3, 'public.users'],
  ]);
});

test.each(['SELECT republic.users', 'SELECT x.public.users', 'SELECT public_users.id', 'SELECT $public.users'])(
  '%s names no schema',
  (text) => {
    expect(lines(text)).toEqual([]);
  },
);

test('the line is shown as it stands, without its indentation', () => {
  const [found] = findHardcoded([{ ...body('  SELECT public.f()  -- why'), kind: 'view' }], new Set(['public']));
  expect(found).toMatchObject({ kind: 'view', object: 'public.f()', line: 1 });
  expect(found!.text).toMatch(/^SELECT public\.f\(\)/);
});

test('a function that leaves the schema to search_path is named with its tables', () => {
  const tables = new Set(['users', 'orders', 'Odd']);
  const found = (text: string) => findUnqualified([body(text)], tables).flatMap((one) => one.tables);
  expect(found('SELECT * FROM users JOIN orders USING (id)')).toEqual(['users', 'orders']);
  expect(found('UPDATE USERS SET a = 1; DELETE FROM ONLY "Odd"')).toEqual(['users', 'Odd']);
  expect(found('SELECT * FROM public.users, x.orders')).toEqual([]);
  expect(found('SELECT * FROM users_old JOIN orders(1) ON true')).toEqual([]);
  expect(found('-- from users\nSELECT 1')).toEqual([]);
});
