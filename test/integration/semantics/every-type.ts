/** Types of the source's own, which the target has too. */
export const TYPES = `
  CREATE TYPE public."Mood" AS ENUM ('sad', 'so so', 'it''s "fine", \\ok', 'Happy');
  CREATE TYPE public.pair AS (a int, b text, c public."Mood");
  CREATE DOMAIN public.positive AS numeric(12, 3) CHECK (VALUE > 0);
  CREATE TYPE public.float_range AS RANGE (subtype = float8)`;

const TEXTS = [
  `E'tab\\tnewline\\nreturn\\rbackslash\\\\ \\\\N \\\\. end'`,
  `U&'\\FEFFbyte order mark, \\+01F9D1\\200D\\+01F680 \\00E9 e\\0301'`,
  `''`,
  `'NULL'`,
];

/** Columns of one table, with texts of values that each must arrive as it was. */
export const COLUMNS: Readonly<Record<string, { readonly type: string; readonly values: readonly string[] }>> = {
  a_numeric: {
    type: 'numeric',
    values: [`'NaN'`, `'-Infinity'`, `repeat('7', 1000)::numeric + 0.10`, `'1e-1000'`, `'0e-1'`, `'1e131071'`],
  },
  a_price: { type: 'numeric(20, 5)', values: ['1.5', '-0.00001', '999999999999999.99999'] },
  a_rounded: { type: 'numeric(10, -2)', values: ['1234567890.1', '-50'] },
  a_bigint: { type: 'bigint', values: ['9007199254740993', '-9223372036854775808', '9223372036854775807'] },
  a_double: { type: 'float8', values: [`'-0'`, `'NaN'`, `'4.9e-324'`, '0.1::float8 + 0.2', `'-Infinity'`, `'1e23'`] },
  a_real: { type: 'float4', values: [`'-0'`, `'1.1754944e-38'`, `'3.4028235e38'`, '0.1'] },
  a_moment: {
    type: 'timestamptz',
    values: [`'infinity'`, `'-infinity'`, `'0044-03-15 12:00:00.000001+00 BC'`, `'2026-03-29 01:30:00.123456+01'`],
  },
  a_timestamp: { type: 'timestamp', values: [`'294276-12-31 23:59:59.999999'`, `'4713-01-01 00:00:00 BC'`] },
  a_date: { type: 'date', values: [`'infinity'`, `'0001-02-03 BC'`, `'1900-12-31'`, `'2024-02-29'`] },
  a_time: { type: 'time', values: [`'24:00:00'`, `'00:00:00.000001'`] },
  a_timetz: { type: 'timetz', values: [`'12:00:00.5+05:45'`, `'23:59:60-12'`] },
  an_interval: {
    type: 'interval',
    values: [`'-1 mon +2 days -03:04:05.000006'`, `'1 year -1 day'`, `'-00:00:00.1'`, `'178000000 years'`, `'0'`],
  },
  a_text: { type: 'text', values: TEXTS },
  a_varchar: { type: 'varchar(12)', values: [`'  padded  '`, `'twelve chars'`] },
  a_char: { type: 'char(8)', values: [`'ab'`, `'  ab'`, `''`] },
  a_letter: { type: '"char"', values: [`'x'`, `''`, `'\\303'`] },
  a_name: { type: 'name', values: [`'Na me'`] },
  a_bool: { type: 'boolean', values: ['true', 'false'] },
  a_bytea: { type: 'bytea', values: [`'\\x00ff5c5c27090a0d'`, `''`, `decode(repeat('00c3', 500), 'hex')`] },
  a_json: {
    type: 'json',
    values: [`'{"b":1,  "a" : 9007199254740993.10, "b":[ ], "\\u00e9":"\\n"}'`, `' [1e400] '`, `'null'`],
  },
  a_jsonb: {
    type: 'jsonb',
    values: [`'{"n":9007199254740993,"f":0.10,"e":1e30,"s":"\\u00e9\\n"}'`, `'"text"'`, `'null'`],
  },
  a_uuid: { type: 'uuid', values: [`'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`] },
  an_inet: { type: 'inet', values: [`'10.1.2.3/8'`, `'::ffff:1.2.3.4'`, `'192.168.0.1'`] },
  a_cidr: { type: 'cidr', values: [`'10.0.0.0/8'`, `'2001:db8::/32'`] },
  a_macaddr: { type: 'macaddr', values: [`'08:00:2b:01:02:03'`] },
  a_bit: { type: 'bit(5)', values: [`B'10101'`, `B'00000'`] },
  a_varbit: { type: 'varbit', values: [`B'1'`, `B''`, `B'010000000000000000000000000000000001'`] },
  an_xml: { type: 'xml', values: [`'text <b a="1"/> &amp; more'::xml`, `'<?xml version="1.0"?><a>é</a>'::xml`] },
  a_tsvector: { type: 'tsvector', values: [`'''it''''s'':3A ''fat cat'':1,2B'`, `''`] },
  a_tsquery: { type: 'tsquery', values: [`'!fat & (rat:AB | ''it''''s'':*) <-> cat'`] },
  ints: { type: 'int[]', values: [`'{}'`, `'[0:2]={1,NULL,-3}'`, `'[-1:0][2:3]={{1,2},{NULL,4}}'`] },
  texts: { type: 'text[]', values: [`ARRAY['NULL', NULL, '', 'a,b', '{c}', '"d"', E'\\\\ \\t\\n']`, `'{}'`] },
  moods: { type: 'public."Mood"[]', values: [`ARRAY['so so', 'it''s "fine", \\ok', NULL]::public."Mood"[]`] },
  a_mood: { type: 'public."Mood"', values: [`'it''s "fine", \\ok'`, `'Happy'`] },
  a_pair: {
    type: 'public.pair',
    values: [`ROW(1, 'a "b", (c) \\ ', 'sad')`, 'ROW(NULL, NULL, NULL)', `ROW(NULL, '', NULL)`],
  },
  pairs: {
    type: 'public.pair[]',
    values: [`ARRAY[ROW(1, 'x,y', 'Happy'), NULL, ROW(NULL, '"', NULL)]::public.pair[]`],
  },
  a_range: { type: 'int4range', values: [`'empty'`, `'[1,10]'`, `'(,5)'`, `'(,)'`] },
  a_period: { type: 'tstzrange', values: [`'[2020-01-01 00:00:00.000001+00,infinity)'`, `'[-infinity,2020-01-01]'`] },
  a_float_range: { type: 'public.float_range', values: [`'[-0,1e-300)'`] },
  ranges: { type: 'nummultirange', values: [`'{}'`, `'{[1.10,2.20),(3,)}'`] },
  periods: {
    type: 'tstzmultirange',
    values: [`'{[2020-01-01 00:00:00.000001+00,2020-01-02 00:00+00),[2021-01-01 00:00+00,infinity)}'`],
  },
  a_domain: { type: 'public.positive', values: ['0.001', '123456789.100'] },
  some_money: { type: 'money', values: ['1234567.89::numeric::money', '(-5)::money'] },
  a_point: { type: 'point', values: [`'(0.1,-0)'`, `'(1e-310,NaN)'`] },
  a_polygon: { type: 'polygon', values: [`'((0,0),(1,0.1),(1,1))'`] },
  a_path: { type: 'path', values: [`'[(0,0),(1,1)]'`] },
  an_lsn: { type: 'pg_lsn', values: [`'16/B374D848'`] },
  an_oid: { type: 'oid', values: ['4294967295'] },
  a_jsonpath: { type: 'jsonpath', values: [`'strict $."a"[*] ? (@ > 1.10)'`] },
};

/** How many rows it takes to have every value once. */
export const VALUE_ROWS = Math.max(...Object.values(COLUMNS).map(({ values }) => values.length));

/** A row for VALUES or SELECT, without its key: the values of that number, and NULL behind them all. */
export function valuesOf(row: number): string {
  const texts = Object.values(COLUMNS).map(({ type, values }) =>
    row >= VALUE_ROWS ? `NULL::${type}` : `(${values[row % values.length]})::${type}`,
  );
  return texts.join(', ');
}
