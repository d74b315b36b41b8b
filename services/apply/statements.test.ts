import { describe, expect, test } from 'vitest';
import { relationOf } from '../../test/support/record-builder.js';
import {
  copyStatement,
  copyText,
  deleteStatement,
  emptyStatement,
  moveStatement,
  renumberStatement,
  splitChanges,
  stagingStatements,
  truncateStatement,
  updateStatement,
  upsertStatement,
} from './statements.js';
import { shapeOf, type TableShape } from './table-shape.js';

/** @param columns target columns by name: their type, with `!` where they are GENERATED ALWAYS AS IDENTITY. */
function shape(name: string, columns: Record<string, string>, key: readonly string[]): TableShape {
  const relation = relationOf(1, name, Object.keys(columns), { key });
  return shapeOf(relation, {
    schema: relation.schema,
    table: relation.table,
    columns: new Map(
      Object.entries(columns).map(([column, type]) => [
        column,
        {
          name: column,
          type: type.replace('!', ''),
          isDomain: false,
          equal: null,
          isEqualAsText: true,
          isIdentityAlways: type.endsWith('!'),
        },
      ]),
    ),
    keys: [key],
  });
}

const users = shape('shared.users', { id: 'bigint', name: 'text' }, ['id']);
const odd = shape('my "schema".select', { when: 'timestamp with time zone', 'a"b': 'shop."Kind"', n: 'numeric' }, [
  'a"b',
  'when',
]);
const numbered = shape('shared.numbered', { id: 'integer', serial: 'integer!', note: 'text' }, ['id']);
const links = shape('shared.links', { a: 'integer', b: 'integer' }, ['a', 'b']);

/** Line breaks and indentation are for readers. */
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

describe('splitChanges', () => {
  test('sorts net changes by what must be done, and updates by the columns that are known', () => {
    expect(
      splitChanges([
        { kind: 'upsert', row: ['1', 'a', null] },
        { kind: 'delete', key: ['2', null, null] },
        { kind: 'update', row: ['3', false, 'x'] },
        { kind: 'update', row: ['4', 'b', false] },
        { kind: 'update', row: ['5', false, null] },
        { kind: 'insert', row: ['6', 'c', null] },
        { kind: 'partial', row: ['7', 'd', false] },
      ]),
    ).toEqual({
      deletes: [['2', null, null]],
      upserts: [{ kind: 'upsert', row: ['1', 'a', null] }],
      inserts: [['6', 'c', null]],
      updates: new Map([
        [
          'x-x',
          [
            ['3', false, 'x'],
            ['5', false, null],
          ],
        ],
        ['xx-', [['4', 'b', false]]],
      ]),
      partials: new Map([['xx-', [['7', 'd', false]]]]),
    });
  });
});

describe('statements', () => {
  test('delete by key, each key column as its own type', () => {
    expect(
      deleteStatement(users, [
        ['1', null],
        ['2', null],
      ]),
    ).toEqual({
      text: 'DELETE FROM "shared"."users" t USING unnest($1::text[]) k(c0) WHERE t."id" = k.c0::bigint',
      values: [['1', '2']],
    });
    expect(deleteStatement(odd, [['infinity', 'x', null]])).toEqual({
      text:
        'DELETE FROM "my ""schema"""."select" t USING unnest($1::text[], $2::text[]) k(c0, c1) ' +
        'WHERE t."a""b" = k.c0::shop."Kind" AND t."when" = k.c1::timestamp with time zone',
      values: [['x'], ['infinity']],
    });
  });

  test('upsert whole rows', () => {
    expect(
      upsertStatement(users, [
        ['1', 'Ada'],
        ['2', null],
      ]),
    ).toEqual({
      text:
        'INSERT INTO "shared"."users" ("id", "name") OVERRIDING SYSTEM VALUE ' +
        'SELECT r.c0::bigint, r.c1::text FROM unnest($1::text[], $2::text[]) r(c0, c1) ' +
        'ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name"',
      values: [
        ['1', '2'],
        ['Ada', null],
      ],
    });
  });

  test('upsert what is nothing but a key', () => {
    expect(upsertStatement(links, [['1', '2']]).text).toMatch(/ ON CONFLICT \("a", "b"\) DO NOTHING$/);
  });

  test('leave identity columns that are GENERATED ALWAYS to the insert', () => {
    expect(upsertStatement(numbered, [['1', '7', 'x']]).text).toMatch(
      /\("id", "serial", "note"\) OVERRIDING SYSTEM VALUE .* DO UPDATE SET "note" = EXCLUDED\."note"$/,
    );
    expect(updateStatement(numbered, [['1', '7', 'x']]).text).toContain(' SET "note" = r.c2::text FROM ');
  });

  test('update only the columns that are known', () => {
    expect(
      updateStatement(odd, [
        ['infinity', 'x', '1.50'],
        ['-infinity', 'y', null],
      ]),
    ).toEqual({
      text:
        'UPDATE "my ""schema"""."select" t SET "n" = r.c2::numeric ' +
        'FROM unnest($1::text[], $2::text[], $3::text[]) r(c0, c1, c2) ' +
        'WHERE t."a""b" = r.c1::shop."Kind" AND t."when" = r.c0::timestamp with time zone',
      values: [
        ['infinity', '-infinity'],
        ['x', 'y'],
        ['1.50', null],
      ],
      mustTouch: 2,
    });
  });

  test('look for a row of which an update knows nothing but the key', () => {
    expect(updateStatement(users, [['1', false]])).toEqual({
      text: 'SELECT 1 FROM "shared"."users" t JOIN unnest($1::text[]) r(c0) ON t."id" = r.c0::bigint',
      values: [['1']],
      mustTouch: 1,
    });
  });

  test('move a row of which the target has the rest', () => {
    expect(moveStatement({ shape: odd, from: ['infinity', 'x', null], to: ['epoch', 'y', false] })).toEqual({
      text:
        'UPDATE "my ""schema"""."select" ' +
        'SET "when" = ($1::text[])[1]::timestamp with time zone, "a""b" = ($2::text[])[1]::shop."Kind" ' +
        'WHERE "a""b" = ($3::text[])[1]::shop."Kind" AND "when" = ($4::text[])[1]::timestamp with time zone',
      values: [['epoch'], ['y'], ['x'], ['infinity']],
      mustTouch: 1,
    });
  });

  test('delete and insert a row whose identity column moves, with all that the target has of it', () => {
    const statement = moveStatement({ shape: numbered, from: ['1', null, null], to: ['2', '9', false] });
    expect({ ...statement, text: oneLine(statement.text) }).toEqual({
      text:
        'WITH gone AS (DELETE FROM "shared"."numbered" t USING unnest($1::text[], $2::text[], $3::text[]) r(c0, c1, c2) ' +
        'WHERE t."id" = r.c2::integer RETURNING r.c0::integer AS v0, r.c1::integer AS v1, t."note" AS v2) ' +
        'INSERT INTO "shared"."numbered" ("id", "serial", "note") OVERRIDING SYSTEM VALUE SELECT * FROM gone',
      values: [['2'], ['9'], ['1']],
      mustTouch: 1,
    });
  });

  test('renumber rows only where the table has such a column and it differs', () => {
    expect(renumberStatement(users, () => [['1', 'Ada']])).toBeUndefined();
    expect(renumberStatement(shape('s.t', { id: 'integer!', n: 'text' }, ['id']), () => [['1', 'x']])).toBeUndefined();
    expect(renumberStatement(numbered, () => [])).toBeUndefined();
    const statement = renumberStatement(numbered, () => [['1', '9', 'x']])!;
    expect(oneLine(statement.text)).toContain('WHERE t."id" = r.c1::integer AND (t."serial" <> r.c0::integer)');
    expect(statement.values).toEqual([['9'], ['1']]);
    expect(statement.mustTouch).toBeUndefined();
  });

  test('copy rows, straight or over a staging table of the same types', () => {
    expect(copyStatement(users, ['name', 'id'])).toBe('COPY "shared"."users" ("name", "id") FROM STDIN');
    expect(stagingStatements(users, 'ferry_stage_1_2', ['name', 'id'])).toEqual({
      create:
        'CREATE TEMP TABLE IF NOT EXISTS ferry_stage_1_2 AS SELECT "name", "id" FROM "shared"."users" WITH NO DATA',
      clear: 'TRUNCATE pg_temp.ferry_stage_1_2',
      copy: 'COPY pg_temp.ferry_stage_1_2 ("name", "id") FROM STDIN',
      upsert:
        'INSERT INTO "shared"."users" ("name", "id") OVERRIDING SYSTEM VALUE ' +
        'SELECT "name", "id" FROM pg_temp.ferry_stage_1_2 ' +
        'ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name"',
    });
    expect(
      copyText([
        ['1', null],
        ['2', 'a\tb'],
      ]).toString(),
    ).toBe('1\t\\N\n2\ta\\tb\n');
  });

  test('truncate tables together, or empty them one by one', () => {
    expect(truncateStatement([users, odd], false)).toBe('TRUNCATE "shared"."users", "my ""schema"""."select"');
    expect(truncateStatement([users], true)).toBe('TRUNCATE "shared"."users" RESTART IDENTITY');
    expect(emptyStatement([users, odd], false)).toBe(
      'DELETE FROM "shared"."users";\nDELETE FROM "my ""schema"""."select"',
    );
    expect(emptyStatement([odd], true)).toContain(`d.refobjid IN ('"my ""schema"""."select"'::regclass)`);
  });
});
