/** A type that a key may have. */
export interface KeyKind {
  readonly type: string;
  /** Different keys. */
  readonly keys: readonly string[];
  /** The first of them in another text, which the type takes for equal. */
  readonly twin?: string;
}

/** Of the source's own. ICU is in every build of PostgreSQL that has collations of its own. */
export const KEY_TYPES = `
  CREATE COLLATION public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');
  CREATE DOMAIN public.some_mood AS public.mood CHECK (VALUE <> 'sad' OR true);
  CREATE DOMAIN public.any_mood AS public.some_mood;
  CREATE TYPE public.pair AS (a numeric, b text);
  CREATE DOMAIN public.price AS numeric(12, 4);
  CREATE DOMAIN public.swedish AS text COLLATE "sv-x-icu"`;

export const KEY_KINDS: readonly KeyKind[] = [
  { type: 'numeric', keys: ['1.0', '2', 'NaN', '-5', '1e20', '0.001'], twin: '1.000' },
  { type: 'float8', keys: ['0', '1', '-1', 'NaN', '-Infinity', '1e-300'], twin: '-0' },
  { type: 'float4', keys: ['0', '1', '0.1', 'NaN'], twin: '-0' },
  { type: 'bigint', keys: ['9007199254740993', '9007199254740992', '-9223372036854775808'] },
  { type: 'interval', keys: ['1 mon', '2 days', '-1 year', '1 us'], twin: '29 days 24:00:00' },
  { type: 'jsonb', keys: ['{"a":1}', '1', '"x"', 'null', '[1,2]', 'true'], twin: '{"a":1.00}' },
  { type: 'char(5)', keys: ['a', 'b ', 'C', 'é', 'zz'] },
  { type: 'bpchar', keys: ['a', 'b', 'C', 'é'], twin: 'a  ' },
  { type: 'varchar(9)', keys: ['a', 'B', 'b', '_', 'é', 'Z', ''] },
  { type: 'text COLLATE public.any_case', keys: ['a', 'B', 'c', '_', 'D', 'Z'], twin: 'A' },
  { type: 'text COLLATE "C"', keys: ['a', 'B', 'b', '_', 'é', 'Z'] },
  { type: 'text COLLATE "sv-x-icu"', keys: ['a', 'B', 'b', 'ä', 'å', 'Z'] },
  { type: 'name', keys: ['a', 'B', 'b', '_', 'Z'] },
  { type: '"char"', keys: ['a', 'B', 'b', ''] },
  { type: 'bytea', keys: ['\\x00', '\\x', '\\xff', '\\x5c'] },
  { type: 'boolean', keys: ['t', 'f'] },
  { type: 'timestamptz', keys: ['infinity', '-infinity', '0044-03-15 BC', '2020-01-01 00:00:00.000001'] },
  { type: 'date', keys: ['infinity', '0001-01-01 BC', '2020-01-01'] },
  { type: 'timetz', keys: ['12:00+00', '13:00+01', '00:00-12'] },
  { type: 'uuid', keys: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '00000000-0000-0000-0000-000000000000'] },
  { type: 'inet', keys: ['10.0.0.1', '10.0.0.1/8', '::1', '::ffff:1.2.3.4'] },
  { type: 'macaddr8', keys: ['08:00:2b:01:02:03:04:05', '00:00:00:00:00:00'] },
  { type: 'bit(3)', keys: ['101', '000', '111'] },
  { type: 'varbit', keys: ['101', '', '000', '1'] },
  { type: 'money', keys: ['1.5', '-2', '0'] },
  { type: 'pg_lsn', keys: ['0/0', '16/B374D848'] },
  { type: 'oid', keys: ['0', '4294967295', '5'] },
  { type: 'xid8', keys: ['0', '4294967297', '5'] },
  { type: 'regclass', keys: ['pg_catalog.pg_class', 'pg_catalog.pg_type'] },
  { type: 'tsvector', keys: [`'a':1 'b'`, 'z', ''] },
  { type: 'int[]', keys: ['{}', '{1,2}', '{1,NULL}', '{{1,2},{3,4}}', '{3}'] },
  { type: 'numeric[]', keys: ['{1.0,2}', '{}', '{3}'], twin: '{1.00,2.0}' },
  { type: 'numrange', keys: ['[1,5)', 'empty', '(,3)'], twin: '[1.0,5.00)' },
  { type: 'nummultirange', keys: ['{[1,5)}', '{}', '{(,3)}'], twin: '{[1.0,5.00)}' },
  { type: 'public.mood', keys: ['sad', 'ok', 'happy'] },
  { type: 'public.any_mood', keys: ['sad', 'ok', 'happy'] },
  { type: 'public.pair', keys: ['(1.0,a)', '(2,)', '(,b)'], twin: '(1.00,a)' },
  { type: 'public.price', keys: ['1.5', '2', '-0.0001'] },
  { type: 'public.swedish COLLATE "C"', keys: ['ä', 'B', 'b', '_', 'Z'] },
];

/** Of extensions, in the schema public, where the servers have them. */
export const EXTENSION_KEY_KINDS: Readonly<Record<string, readonly KeyKind[]>> = {
  citext: [
    { type: 'public.citext', keys: ['a', 'B', 'c', '_', 'D', 'Z'], twin: 'A' },
    { type: 'public.citext[]', keys: ['{a}', '{B}', '{c}', '{_}'], twin: '{A}' },
  ],
  ltree: [{ type: 'public.ltree', keys: ['a.b', 'B', 'c.d.e', ''] }],
  hstore: [{ type: 'public.hstore', keys: ['a=>1', 'b=>NULL', ''] }],
  vector: [{ type: 'public.vector(2)', keys: ['[0,1]', '[3,4]', '[1,2]'], twin: '[-0,1]' }],
  cube: [{ type: 'public.cube', keys: ['(1,2)', '(3,4)', '(0,1)'] }],
  isn: [{ type: 'public.isbn13', keys: ['978-0-393-04002-9', '978-0-306-40615-7'] }],
};
