import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CastBack, castBack } from '../../core/mapping/invert/cast-back.js';
import { connect } from '../../platform/postgres.js';
import { valueTypeOf } from '../support/mapped-sides.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

/** Values of each type that have more than one way to be written, or hardly fit another type. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  int2: ['-32768', '0', '32767'],
  int4: ['-2147483648', '0', '2147483647'],
  int8: ['-9223372036854775808', '0', '9223372036854775807'],
  numeric: ['0', '-1.50', '5', '1e30', 'NaN'],
  'numeric(8,2)': ['0', '-1.5', '999999.99'],
  float4: ['0.1', '3.4028235e+38', '1e-45', 'NaN', '-0'],
  float8: ['0.1', '0.1234567890123456', '1.7976931348623157e+308', '5e-324'],
  bool: ['t', 'f'],
  text: ['', ' a ', '007', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'yes', 'x', 'ß👩🏽‍🚀\\', '2020-1-5'],
  varchar: ['', ' a ', 'ß👩🏽‍🚀'],
  'varchar(3)': ['', 'a  ', 'ß👩🏽'],
  bpchar: ['', 'a'],
  'bpchar(3)': ['', 'a', 'abc'],
  uuid: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
  date: ['0044-03-15 BC', '2020-01-05', 'infinity'],
  timestamp: ['2020-01-05 12:00:00.123456', '0044-03-15 12:00:00 BC', 'infinity'],
  'timestamp(3)': ['2020-01-05 12:00:00.123'],
  timestamptz: ['2020-01-05 12:00:00.123456+05:45', '0044-03-15 12:00:00+00 BC', '-infinity'],
  json: ['{"b": 1,  "a": 1.0, "a": 2}'],
  jsonb: ['{"b": 1, "a": 1.50}'],
  'enum(x,y)': ['x', 'y'],
  'enum(x,y,z)': ['x', 'y', 'z'],
  'int4[]': ['{1,NULL,-2}', '{{1},{2}}', '{}'],
  'int8[]': ['{1,NULL,-2}'],
  'text[]': ['{"a,b",NULL,"NULL","",\\\\}', '{}'],
  'varchar(3)[]': ['{"a  ",NULL}'],
};
const TYPES = Object.keys(VALUES);
const PAIRS = TYPES.flatMap((old) => TYPES.map((now): [string, string] => [old, now]));

const sqlType = (type: string) =>
  type
    .replace(/^enum\(x,y,z\)/, 'public.xyz')
    .replace(/^enum\(x,y\)/, 'public.xy')
    .replace('bpchar(3)', 'char(3)');

describeWithPostgres('values that go from one type to another and back', () => {
  let database: FreshDatabase;
  let client: Client;

  beforeAll(async () => {
    database = await freshDatabase(testServers().sourceServer, 'way_back');
    client = await connect('source', database.url, { applicationName: 'test' });
    await client.query("CREATE TYPE public.xy AS ENUM ('x', 'y'); CREATE TYPE public.xyz AS ENUM ('x', 'y', 'z')");
    const columns = TYPES.map((type, i) => `c${i} ${sqlType(type)}`).join(', ');
    await client.query(`CREATE TABLE public.t (${columns})`);
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  /** A column's text of a value that was written to it; undefined where it refuses the value. */
  async function written(type: string, text: string): Promise<string | undefined> {
    const column = `c${TYPES.indexOf(type)}`;
    const bare = sqlType(type).replace(/\(\d.*?\)/, '');
    // As apply writes: without the modifier, so that nothing is cut, and char without one is one letter.
    const cast = bare.startsWith('char') ? 'bpchar' : bare;
    try {
      const { rows } = await client.query<{ now: string }>(
        `INSERT INTO public.t (${column}) SELECT ($1::text[])[1]::${cast} RETURNING ${column}::text AS now`,
        [[text]],
      );
      const { rows: read } = await client.query<{ now: string }>(`SELECT format('%s', ${column}) AS now FROM public.t`);
      await client.query('DELETE FROM public.t');
      return type.startsWith('bpchar') ? read[0]!.now : rows[0]!.now;
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^2[23]/);
      return undefined;
    }
  }

  /** What became of each value, there and back; those that the new type refuses never went. */
  async function roundTrips(old: string, now: string) {
    const trips: { readonly went: string; readonly came: string | undefined }[] = [];
    for (const value of VALUES[old]!) {
      const went = (await written(old, value))!;
      const there = await written(now, went);
      if (there !== undefined) trips.push({ went, came: await written(old, there) });
    }
    return trips;
  }

  const back = (old: string, now: string): CastBack => castBack(valueTypeOf(old), valueTypeOf(now));
  const claimed = PAIRS.filter(([old, now]) => back(old, now) !== 'none');

  test('every pair of types that is said to give values back does', async () => {
    expect(claimed.length).toBeGreaterThan(TYPES.length);
    for (const [old, now] of claimed) {
      for (const { went, came } of await roundTrips(old, now)) expect(came, `${old} -> ${now}: ${went}`).toBe(went);
    }
  });

  test('of a pair that gives all back, the old type has each value of the new one', async () => {
    for (const [old, now] of claimed.filter(([old, now]) => back(old, now) === 'all')) {
      for (const value of VALUES[now]!) {
        const there = (await written(now, value))!;
        const came = (await written(old, there))!;
        expect(await written(now, came), `${now} -> ${old} -> ${now}: ${value}`).toBe(there);
      }
    }
  });

  test.each([
    ['int4', 'numeric(8,2)'],
    ['text', 'uuid'],
    ['text', 'int4'],
    ['text', 'bool'],
    ['text', 'bpchar(3)'],
    ['text', 'date'],
    ['float8', 'float4'],
    ['numeric', 'numeric(8,2)'],
    ['timestamptz', 'timestamp(3)'],
    ['timestamp', 'timestamp(3)'],
    ['json', 'jsonb'],
  ])('%s as %s does not give each value back', async (old, now) => {
    expect(back(old, now)).toBe('none');
    expect((await roundTrips(old, now)).filter(({ went, came }) => came !== went)).not.toEqual([]);
  });

  test('a part of a row is refused where the rest of it is NOT NULL, though the row is there', async () => {
    await client.query(
      "CREATE TABLE public.whole (id int PRIMARY KEY, a text, b text NOT NULL); INSERT INTO public.whole VALUES (1, 'x', 'y')",
    );
    const upsert = "INSERT INTO public.whole (id, a) VALUES (1, 'z') ON CONFLICT (id) DO UPDATE SET a = EXCLUDED.a";
    await expect(client.query(upsert)).rejects.toMatchObject({ code: '23502' });
  });
});
