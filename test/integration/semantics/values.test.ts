import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../../platform/postgres.js';
import { forEachDriver } from '../../support/drivers.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { COLUMNS, TYPES, VALUE_ROWS, valuesOf } from './every-type.js';

const NAMES = Object.keys(COLUMNS).join(', ');

/** Settings that would end what takes longer than a moment, and refuse what writes. */
const IMPATIENT = {
  statement_timeout: '50ms',
  lock_timeout: '1ms',
  transaction_timeout: '300ms',
  idle_session_timeout: '900ms',
  idle_in_transaction_session_timeout: '100ms',
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'serializable',
};

/** Settings that change how values and statements look or are read, wherever a session does not say otherwise. */
const ODD_SETTINGS = {
  source: {
    ...IMPATIENT,
    standard_conforming_strings: 'off',
    client_encoding: 'LATIN1',
    quote_all_identifiers: 'on',
    search_path: 'nowhere',
    xmlbinary: 'hex',
    session_replication_role: 'replica',
    DateStyle: 'German',
    IntervalStyle: 'sql_standard',
    bytea_output: 'escape',
    extra_float_digits: '-5',
    TimeZone: 'Asia/Kathmandu',
    xmloption: 'document',
    array_nulls: 'on',
  },
  target: {
    ...IMPATIENT,
    standard_conforming_strings: 'off',
    client_encoding: 'LATIN1',
    search_path: 'nowhere',
    DateStyle: 'SQL, DMY',
    IntervalStyle: 'iso_8601',
    bytea_output: 'escape',
    extra_float_digits: '0',
    TimeZone: 'America/St_Johns',
    xmloption: 'document',
    array_nulls: 'off',
  },
} as const;

/** Names that must be quoted, in every place that has one. */
const KEYED = `
  CREATE TABLE public."Mixed.Case" ("Order" text, "a.b" int, "select" text, "q""uote" public."Mood", " ü€" text DEFAULT 'd',
    c0 int, r int, t int, PRIMARY KEY ("a.b", "Order"));
  CREATE TABLE public."user" ("group" text PRIMARY KEY, "c""d.e" text);
  CREATE SCHEMA "old.Place"; CREATE TABLE "old.Place"."table" ("ID" int PRIMARY KEY, "Data" text, t int, k int)`;

forEachDriver('values and names', (driver) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver,
      schemaSql: `${TYPES}; ${KEYED}; CREATE TABLE public.every_type (id int PRIMARY KEY,
        ${Object.entries(COLUMNS).map(([name, { type }]) => `${name} ${type}`)},
        serial int GENERATED ALWAYS AS IDENTITY, twice numeric GENERATED ALWAYS AS (a_price * 2) STORED)`,
      sourceSql: `${insertRows(1)}; INSERT INTO public."Mixed.Case" VALUES ('in', 1, 'snapshot', 'sad'), (E'\\t\\\\N\\n', 2, NULL, NULL);
        INSERT INTO public."user" VALUES ('snapshot', 'x'); INSERT INTO "old.Place"."table" VALUES (1, 'snapshot')`,
      tables: {
        growth: { every_type: 'public.every_type' },
        'Domain One.x': {
          'New.Case': { from: 'public."Mixed.Case"', rename: { Order: 'group', 'q"uote': 'Q"', ' ü€': '€.' } },
          table: '"old.Place".table',
        },
        select: { user: 'public.user' },
      },
    });
    for (const side of ['source', 'target'] as const) {
      await setDefaults(pipeline[side], ODD_SETTINGS[side], driver === 'kafka' ? 'of the role' : 'of the database');
    }
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  test('the test compares what it means to: every value is there, and none is as it would be parsed', async () => {
    const { rows } = await pipeline.source.query<Record<string, string>>(
      `SELECT count(*) AS n, min(a_bigint) FILTER (WHERE a_bigint > 0) AS big FROM public.every_type`,
    );
    expect(rows[0]).toEqual({ n: String(VALUE_ROWS + 1), big: '9007199254740993' });
  });

  test('ordinary and odd values arrive by the snapshot', async () => {
    await pipeline.expectApplied();
  });

  test('and by the stream: inserts, few and many at once, updates, and a move of the key', async () => {
    await pipeline.source.query(insertRows(101));
    await pipeline.expectApplied('public.every_type');
    // So many that they go into the target by COPY.
    await pipeline.source.query(
      `INSERT INTO public.every_type (id, ${NAMES}) SELECT id * 1000 + i, ${NAMES}
         FROM public.every_type, generate_series(1, 60) i WHERE id < 100`,
    );
    await pipeline.source.query(
      `INSERT INTO public.every_type (id) SELECT i FROM generate_series(201, ${201 + VALUE_ROWS}) i`,
    );
    await pipeline.expectApplied('public.every_type');
    await pipeline.source.query(
      `UPDATE public.every_type t SET (${NAMES}) = (SELECT ${NAMES} FROM public.every_type f WHERE f.id = t.id - 200) WHERE id BETWEEN 201 AND 299;
       UPDATE public.every_type SET id = -id WHERE id BETWEEN 101 AND 199;
       UPDATE public.every_type SET serial = DEFAULT WHERE id = 1`,
    );
    await pipeline.expectApplied('public.every_type');
  });

  test('names that need quotes, as schema, table, column and type, and keys that need escapes', async () => {
    await pipeline.source.query(`
      INSERT INTO public."Mixed.Case" SELECT E'k\\t\\\\' || i, i, 's', 'so so', 'x', i, i, i FROM generate_series(10, 20) i;
      UPDATE public."Mixed.Case" SET "select" = 'updated', r = 7 WHERE "a.b" < 15;
      UPDATE public."Mixed.Case" SET "Order" = E'\\uFEFF"moved"\\n{,}' WHERE "a.b" = 2;
      DELETE FROM public."Mixed.Case" WHERE "a.b" = 20;
      INSERT INTO public."user" SELECT E'\\\\' || i || E'\\n', 'y' FROM generate_series(1, 400) i;
      DELETE FROM public."user" WHERE "group" = E'\\\\5\\n'; UPDATE public."user" SET "c""d.e" = NULL WHERE "group" = E'\\\\6\\n';
      INSERT INTO "old.Place"."table" VALUES (2, 'streamed', 1, 2); UPDATE "old.Place"."table" SET "ID" = 3, k = 4 WHERE "ID" = 1`);
    await pipeline.expectApplied('public.Mixed.Case', 'public.user', 'old.Place.table');
  });

  test('and all of it again by a replay while the services run', async () => {
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true });
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });
});

/** Of sessions that begin from now on; what the server does not know is left out. */
async function setDefaults(session: Client, settings: Readonly<Record<string, string>>, where: string): Promise<void> {
  const { rows } = await session.query<Record<string, string>>(
    `SELECT current_database() AS database, current_user AS role,
            ARRAY(SELECT name FROM pg_catalog.pg_settings WHERE name = ANY ($1))::text AS known`,
    [Object.keys(settings)],
  );
  const { database, role, known } = rows[0]!;
  const inDatabase = `DATABASE ${quoteIdentifier(database!)}`;
  const of = where === 'of the role' ? `ROLE ${quoteIdentifier(role!)} IN ${inDatabase}` : inDatabase;
  for (const name of known!.slice(1, -1).split(',')) {
    await session.query(`ALTER ${of} SET ${name} = ${quoteLiteral(settings[name]!)}`);
  }
}

/** Rows with every value, and one with NULLs alone, from a key on. */
function insertRows(firstKey: number): string {
  const rows = Array.from({ length: VALUE_ROWS + 1 }, (_, row) => `(${firstKey + row}, ${valuesOf(row)})`);
  return `INSERT INTO public.every_type (id, ${NAMES}) VALUES ${rows.join(',\n')}`;
}
