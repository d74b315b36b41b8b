import { describe, expect, test } from 'vitest';
import { relationOf } from '../../test/support/record-builder.js';
import { shapeOf, type TargetTable } from './table-shape.js';

function tableOf(columns: readonly string[], key: readonly string[]): TargetTable {
  return {
    schema: 'shared',
    table: 'people',
    columns: new Map(
      columns.map((name) => [
        name,
        { name, type: `type of ${name}`, isDomain: false, equal: null, isEqualAsText: true, isIdentityAlways: false },
      ]),
    ),
    keys: key.length > 0 ? [key] : [],
  };
}

const people = relationOf(1, 'shared.people', ['id', 'name', 'org'], { source: 'public.users', key: ['id', 'org'] });

describe('shapeOf', () => {
  test('puts the target columns in the order of the tuples, and the key in the order of its index', () => {
    const shape = shapeOf(people, tableOf(['created_at', 'org', 'name', 'id'], ['org', 'id']));
    expect(shape.columns.map((column) => column.type)).toEqual(['type of id', 'type of name', 'type of org']);
    expect(shape.keyIndexes).toEqual([2, 0]);
    expect([shape.source, shape.name]).toEqual(['public.users', 'shared.people']);
  });

  test('counts a relation without a source under its own name', () => {
    const plain = relationOf(1, 'shared.people', ['id']);
    expect(shapeOf(plain, tableOf(['id'], ['id'])).source).toBe('shared.people');
  });

  test('takes a unique index where the primary key has columns that a deleted row does not bring', () => {
    const byName = relationOf(1, 'shared.people', ['id', 'name', 'org'], { key: ['name'], identity: 'i' });
    const table = { ...tableOf(['id', 'name', 'org'], ['id']), keys: [['id'], ['name']] };
    expect(shapeOf(byName, table)).toMatchObject({ key: ['name'], keyIndexes: [1] });
  });

  test('takes no key that tells fewer rows apart than the source, and another one if there is one', () => {
    const keyed = {
      ...people,
      columns: people.columns.map((column, i) => ({
        ...column,
        declared: { attnum: i + 1, type: 'text', ...(column.key ? { inKey: true as const } : {}) },
      })),
    };
    const narrow = tableOf(['id', 'name', 'org'], ['id']);
    expect(() => shapeOf(keyed, narrow)).toThrow(
      'the target table shared.people tells rows apart by (id), the source by (id, org): several would become one',
    );
    expect(shapeOf(keyed, { ...narrow, keys: [['id'], ['org', 'id']] }).key).toEqual(['org', 'id']);
    // What a mapping adds may stand in the key, too.
    const constant = { name: 'tenant', type: 25, typmod: -1, key: true };
    const wider = tableOf(['id', 'name', 'org', 'tenant'], ['tenant', 'id', 'org']);
    expect(shapeOf({ ...keyed, columns: [...keyed.columns, constant] }, wider).key).toEqual(['tenant', 'id', 'org']);
  });

  test('has no key where the source has none, whatever the target has', () => {
    const keyless = relationOf(1, 'shared.people', ['id', 'name', 'org'], { key: [], identity: 'f' });
    expect(shapeOf(keyless, tableOf(['id', 'name', 'org'], ['id']))).toMatchObject({ key: [], keyIndexes: [] });
  });

  test.each([
    ['a table that is not there', undefined, 'the target has no table shared.people', { table: 'shared.people' }],
    [
      'a column that is not there',
      tableOf(['id', 'name'], ['id']),
      'the target table shared.people has no column org',
      { table: 'shared.people', column: 'org' },
    ],
    [
      'a table without a primary key',
      tableOf(['id', 'name', 'org'], []),
      'the target table shared.people has no primary key',
      { table: 'shared.people' },
    ],
    [
      'a key that the source gives no value for',
      tableOf(['id', 'name', 'org', 'tenant'], ['id', 'tenant']),
      'the source gives no value for tenant, a key column of the target table shared.people',
      { table: 'shared.people' },
    ],
  ])('names %s', (_, table, message, details) => {
    expect(() => shapeOf(people, table)).toThrow(expect.objectContaining({ code: 'target-unfit', message, details }));
  });
});
