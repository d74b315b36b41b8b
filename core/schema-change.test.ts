import { describe, expect, test } from 'vitest';
import { POSITION_ZERO } from './position.js';
import type { Column, Relation } from './relation.js';
import { diffRelations, isWidening, knownRelation } from './schema-change.js';

const column = (name: string, attnum?: number, more: Partial<Column> = {}): Column => ({
  name,
  type: 25,
  typmod: -1,
  key: name === 'id',
  ...more,
  ...(attnum === undefined ? {} : { declared: { attnum, type: 'text' } }),
});
const relation = (columns: readonly Column[], more: Partial<Relation> = {}): Relation => ({
  id: 1,
  schema: 'growth',
  table: 't',
  source: 'public.t',
  identity: 'd',
  columns,
  ...more,
});
const known = (columns: readonly Column[]) => knownRelation(relation(columns), POSITION_ZERO);
const diff = (before: readonly Column[], after: readonly Column[]) =>
  diffRelations(known(before), relation(after)).map((change) => change.kind);

describe('a change of columns', () => {
  const id = column('id', 1);
  test('nothing, and columns in another order, are none', () => {
    expect(diff([id, column('a', 2)], [id, column('a', 2)])).toEqual([]);
    expect(diff([id, column('a', 2)], [column('a', 2), id])).toEqual([]);
  });

  test('a column of the same number under another name was renamed', () => {
    expect(diff([id, column('a', 2)], [id, column('b', 2)])).toEqual(['rename-column']);
  });

  test('a column of the same name with another number was dropped, and another added', () => {
    expect(diff([id, column('a', 2)], [id, column('a', 3)])).toEqual(['drop-column', 'add-column']);
  });

  test('without numbers names decide, and a drop is not certain', () => {
    const changes = diffRelations(known([id, column('a', 2)]), relation([id, column('b')]));
    expect(changes).toMatchObject([{ kind: 'drop-column', isCertain: false }, { kind: 'add-column' }]);
  });

  test('a type, and a modifier alone', () => {
    expect(diff([id, column('a', 2)], [id, column('a', 2, { type: 23 })])).toEqual(['change-type']);
    expect(diff([id, column('a', 2)], [id, column('a', 2, { typmod: 14 })])).toEqual(['change-type']);
  });

  test('the key, under a new name of its column too, and behind a time of replica identity full', () => {
    const code = column('code', 2, { key: true });
    expect(diff([id, column('code', 2)], [column('id', 1, { key: false }), code])).toEqual(['change-key']);
    expect(diff([id], [column('number', 1, { key: true })])).toEqual(['rename-column']);
    const full = relation([id, code], { identity: 'f' });
    const between = knownRelation(full, POSITION_ZERO, known([id, column('code', 2)]));
    expect(diffRelations(between, relation([id, column('code', 2)])).map(({ kind }) => kind)).toEqual([
      'change-identity',
    ]);
    expect(diffRelations(between, relation([column('id', 1, { key: false }), code])).map(({ kind }) => kind)).toEqual([
      'change-key',
      'change-identity',
    ]);
  });

  test('the key under replica identity full, as far as the catalog says which columns it has', () => {
    const full = (...keyed: readonly string[]) =>
      relation(
        ['a', 'b'].map((name, i) => ({
          ...column(name, undefined, { key: true }),
          declared: { attnum: i + 1, type: 'text', ...(keyed.includes(name) ? { inKey: true as const } : {}) },
        })),
        { identity: 'f' },
      );
    const before = knownRelation(full('a', 'b'), POSITION_ZERO);
    expect(diffRelations(before, full('a'))).toEqual([{ kind: 'change-key', from: ['a', 'b'], to: ['a'] }]);
    // Of an earlier version's log nothing is known.
    expect(diffRelations(before, full())).toEqual([]);
    const dropped = { ...full(), columns: full().columns.map((one) => ({ ...one, key: false })) };
    expect(diffRelations(before, dropped)).toEqual([{ kind: 'change-key', from: ['a', 'b'], to: [] }]);
    expect(diffRelations(knownRelation(dropped, POSITION_ZERO), full('a'))).toEqual([]);
  });

  test("the table's name", () => {
    const renamed = relation([id], { called: 'public.u' });
    expect(diffRelations(known([id]), renamed)).toEqual([{ kind: 'rename-table', from: 'public.t', to: 'public.u' }]);
  });

  test('what the catalog said stays known while the column stays', () => {
    const after = knownRelation(relation([id, column('a')]), POSITION_ZERO, known([id, column('a', 2)]));
    expect(after.relation.columns[1]!.declared?.attnum).toBe(2);
  });
});

test.each([
  ['integer to bigint', { type: 23, typmod: -1 }, { type: 20, typmod: -1 }, true],
  ['bigint to integer', { type: 20, typmod: -1 }, { type: 23, typmod: -1 }, false],
  ['varchar(10) to varchar(40)', { type: 1043, typmod: 14 }, { type: 1043, typmod: 44 }, true],
  ['varchar(40) to varchar(10)', { type: 1043, typmod: 44 }, { type: 1043, typmod: 14 }, false],
  ['varchar(10) to varchar', { type: 1043, typmod: 14 }, { type: 1043, typmod: -1 }, true],
  ['varchar to text', { type: 1043, typmod: -1 }, { type: 25, typmod: -1 }, true],
  ['integer to numeric(4,2)', { type: 23, typmod: -1 }, { type: 1700, typmod: (4 << 16) + 2 + 4 }, false],
  ['numeric(6,2) to numeric(8,2)', { type: 1700, typmod: (6 << 16) + 6 }, { type: 1700, typmod: (8 << 16) + 6 }, true],
  ['numeric(6,2) to numeric(8,3)', { type: 1700, typmod: (6 << 16) + 6 }, { type: 1700, typmod: (8 << 16) + 7 }, false],
  ['text to integer', { type: 25, typmod: -1 }, { type: 23, typmod: -1 }, false],
  ['timestamp(6) to timestamp(3)', { type: 1114, typmod: 6 }, { type: 1114, typmod: 3 }, false],
])('%s widens or not', (_, from, to, expected) => {
  expect(isWidening(from, to)).toBe(expected);
});
