import { expect, test } from 'vitest';
import { constantDefault, oneType } from './one-type.js';

test.each([
  [['text', 'text'], 'text'],
  [['character varying(20)', 'character varying(20)'], 'character varying(20)'],
  [['character varying(20)', 'text'], 'text'],
  [['integer', 'bigint', 'smallint'], 'bigint'],
  [['numeric(10,2)', 'integer'], 'numeric'],
  [['bigint', 'double precision'], 'numeric'],
  [['real', 'double precision'], 'double precision'],
  [['json', 'jsonb'], 'jsonb'],
  [['integer[]', 'bigint[]'], 'bigint[]'],
  [['boolean', 'text'], 'text'],
  [['uuid', 'integer'], 'text'],
  [['timestamp with time zone', 'timestamp without time zone'], 'text'],
])('%j can be read as %s', (types, one) => {
  expect(oneType(types)).toBe(one);
});

test.each([
  ["'active'::text", 'active'],
  ["'it''s'::character varying", "it's"],
  ["'{}'::jsonb", '{}'],
  ["'a'::public.status", 'a'],
  ["'-1'::integer", '-1'],
  ['0', '0'],
  ['1.50', '1.50'],
  ['true', 't'],
  ['false', 'f'],
  ['now()', undefined],
  ["nextval('public.s'::regclass)", undefined],
  ["('now'::text)::date", undefined],
  ["('a'::text || 'b'::text)", undefined],
])('the default %s is %s', (expression, value) => {
  expect(constantDefault(expression)).toBe(value);
});
