import { describe, expect, test } from 'vitest';
import { relationOf } from '../../../test/support/record-builder.js';
import type { KeyType, TablePlan } from './chunk.js';
import { chunkSql } from './chunk-reader.js';

const plain = (sql: string): KeyType => ({ sql, isDomain: false, equal: null, greater: null });

const users: TablePlan = {
  relation: relationOf(1, 'public.users', ['id', 'name']),
  key: ['id'],
  partitionKey: ['id'],
  keyTypes: [plain('bigint')],
  columns: ['id', 'name'],
};

const odd: TablePlan = {
  relation: relationOf(2, 'my "schema".select', ['when', 'a"b', 'Name'], { keyColumns: 2 }),
  // The key's own order, not the table's.
  key: ['a"b', 'when'],
  partitionKey: ['a"b', 'when'],
  keyTypes: [plain('shop."Kind"'), plain('timestamp with time zone')],
  columns: ['when', 'a"b', 'Name'],
};

describe('chunkSql', () => {
  test('begins at the start of the key', () => {
    expect(chunkSql(users, { after: undefined, limit: 100 })).toBe(
      'SELECT "id", "name" FROM ONLY "public"."users" ORDER BY "id" LIMIT 100',
    );
  });

  test('goes on behind a key', () => {
    expect(chunkSql(users, { after: ['41'], limit: 100 })).toBe(
      `SELECT "id", "name" FROM ONLY "public"."users" WHERE ("id") > ('41'::bigint) ORDER BY "id" LIMIT 100`,
    );
  });

  test('reads nothing for the end of a table', () => {
    expect(chunkSql(users, { after: ['41'], limit: 0 })).toMatch(/ LIMIT 0$/);
  });

  test('compares a key of several columns as a row, in the order of its index', () => {
    expect(chunkSql(odd, { after: ["it's", '2026-01-31 12:00:00+00'], limit: 5 })).toBe(
      'SELECT "when", "a""b", "Name" FROM ONLY "my ""schema"""."select" ' +
        `WHERE ("a""b", "when") > ('it''s'::shop."Kind", '2026-01-31 12:00:00+00'::timestamp with time zone) ` +
        'ORDER BY "a""b", "when" LIMIT 5',
    );
  });

  test('reads rows by their keys', () => {
    expect(chunkSql(users, { keys: [['1'], ['2']] })).toBe(
      `SELECT "id", "name" FROM ONLY "public"."users" WHERE ("id") IN (('1'::bigint), ('2'::bigint))`,
    );
    expect(chunkSql(odd, { keys: [['x', 'infinity']] })).toContain(
      `WHERE ("a""b", "when") IN (('x'::shop."Kind", 'infinity'::timestamp with time zone))`,
    );
  });

  test('compares a type of an extension by its own operators, and a domain as the type under it', () => {
    const plan: TablePlan = {
      ...odd,
      keyTypes: [
        { sql: 'public.citext', isDomain: false, equal: 'OPERATOR(public.=)', greater: 'OPERATOR(public.>)' },
        { ...plain('shop."Kind"'), isDomain: true },
      ],
    };
    expect(chunkSql(plan, { after: ['x', 'y'], limit: 1 })).toMatch(
      `WHERE (("a""b" OPERATOR(public.>) 'x'::public.citext) OR ` +
        `("a""b" OPERATOR(public.=) 'x'::public.citext AND "when"::shop."Kind" > 'y'::shop."Kind")) ` +
        'ORDER BY "a""b", "when"::shop."Kind" LIMIT 1',
    );
    expect(chunkSql(plan, { keys: [['x', 'y']] })).toMatch(
      `WHERE (("a""b" OPERATOR(public.=) 'x'::public.citext AND "when"::shop."Kind" = 'y'::shop."Kind"))`,
    );
  });

  test('writes a key with a backslash as one that no setting reads otherwise', () => {
    expect(chunkSql(users, { after: ["a\\'b"], limit: 1 })).toContain(`> ( E'a\\\\''b'::bigint)`);
  });
});
