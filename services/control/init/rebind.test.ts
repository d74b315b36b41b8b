import { expect, test } from 'vitest';
import { type Rebinding, rebind } from './rebind.js';

const MOVED = new Map([
  ['public.status', { schema: 'growth', table: 'status' }],
  ['public.users', { schema: 'shared', table: 'people' }],
  ['public.users_id_seq', { schema: 'shared', table: 'users_id_seq' }],
  ['my.app.Odd "T', { schema: 'x', table: 'y' }],
]);

const rebinding: Rebinding = ({ schema, table }) => MOVED.get(`${schema}.${table}`);

test.each([
  ['public.status', '"growth"."status"'],
  ['public.status[]', '"growth"."status"[]'],
  ["'new'::public.status", `'new'::"growth"."status"`],
  ['FOREIGN KEY (u) REFERENCES public.users(id)', 'FOREIGN KEY (u) REFERENCES "shared"."people"(id)'],
  ['public.users USING btree (id) WHERE (st = 1)', '"shared"."people" USING btree (id) WHERE (st = 1)'],
  ['REFERENCES "my.app"."Odd ""T"("Id")', 'REFERENCES "x"."y"("Id")'],
  ["nextval('public.users_id_seq'::regclass)", `nextval('"shared"."users_id_seq"'::regclass)`],
])('renames the qualified identifier in %s', (sql, expected) => {
  expect(rebind(sql, rebinding)).toBe(expected);
});

test.each([
  "'public.status'::text",
  "'it''s public.users'::text",
  "E'\\'public.users'::text",
  '"public.users"',
  'public.other',
  'other.users',
  '(addr).users',
  'users.status',
  "nextval('public.other_seq'::regclass)",
  '1.5 + 2',
  "'public.users_id_seq'::character varying",
])('leaves %s alone', (sql) => {
  expect(rebind(sql, rebinding)).toBe(sql);
});
