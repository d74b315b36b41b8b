import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tuple, Value } from '../../core/record.js';
import { relationOf } from '../../test/support/record-builder.js';
import { anyText } from '../../test/support/texts.js';
import { copyUpserts } from './copied-rows.js';
import { type ChangeSet, fold, foldWhole, type Upsert } from './fold.js';
import { copyText } from './statements.js';
import { shapeOf } from './table-shape.js';

const column = { type: 'text', isDomain: false, equal: null, isEqualAsText: true, isIdentityAlways: false };
const table = {
  schema: 'growth',
  table: 'posts',
  columns: new Map(['a', 'b', 'c'].map((name) => [name, { name, ...column }])),
};
const shapeBy = (...key: string[]) =>
  shapeOf(relationOf(1, 'growth.posts', ['a', 'b', 'c'], { key }), { ...table, keys: [key] });
const shape = shapeBy('b');

const setOf = (by = shape): ChangeSet => ({ shape: by, changes: new Map() });
/** As a row stands in a record, which goes on behind it. */
const json = (row: Tuple) => Buffer.from(`"new":${JSON.stringify(row)}}\n{"rel":1,"ix":7`, 'utf8');
const AT = '"new":['.length;
const endOf = (line: Buffer) => line.indexOf(0x0a) + 1;
const take = (set: ChangeSet, row: Tuple) => foldWhole(set, json(row), AT, endOf(json(row)));
const upserts = ({ changes }: ChangeSet) => [...changes.values()] as Upsert[];

const anyRow = fc.tuple(fc.option(anyText), anyText, fc.option(anyText)) as fc.Arbitrary<Tuple>;

describe('rows that are taken as bytes', () => {
  test('are the rows that their values are, under the same keys', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 8 }), fc.constantFrom(['b'], ['c', 'b']), (given, key) => {
        const rows = key.length > 1 ? given.map(([a, b, c]): Tuple => [a!, b!, c ?? 'x']) : given;
        const [taken, read] = [setOf(shapeBy(...key)), setOf(shapeBy(...key))];
        for (const row of rows) {
          fold(read, { rel: 1, ix: 0, op: 'c', new: row });
          const isTaken = take(taken, row);
          expect(isTaken).toBe(!JSON.stringify(row).replaceAll('\\\\', '').includes('\\u'));
          if (!isTaken) fold(taken, { rel: 1, ix: 0, op: 'c', new: row });
        }
        expect([...taken.changes].map(([by, { kind }]) => [by, kind])).toEqual(
          [...read.changes].map(([by, { kind }]) => [by, kind]),
        );
        expect(upserts(taken).map(({ row }) => row)).toEqual(upserts(read).map(({ row }) => row));
        const text = copyText(upserts(read).map(({ row }) => row));
        expect(copyUpserts(upserts(taken)).toString()).toBe(text.toString());
      }),
    );
  });

  test.each<[string, Value[]]>([
    ['an unchanged value', ['1', 'k', false]],
    ['a first value that is unchanged', [false, 'k', '3']],
    ['a control character', ['\u0001', 'k', null]],
  ])('are not those with %s, and nothing is left of them', (_, row) => {
    const set = setOf();
    expect(take(set, ['1', 'before', null])).toBe(true);
    expect(take(set, row)).toBe(false);
    expect(take(set, ['3', 'after', 'x'])).toBe(true);
    expect(copyUpserts(upserts(set)).toString()).toBe('1\tbefore\t\\N\n3\tafter\tx\n');
  });

  test('give way to later ones, and give an update what it does not say', () => {
    const set = setOf();
    for (const row of [
      ['1', 'x', 'long'],
      ['2', 'y', null],
      ['3', 'z', 'z'],
    ])
      take(set, row);
    expect(take(set, ['4', 'y', 'new'])).toBe(true);
    fold(set, { rel: 1, ix: 0, op: 'u', new: ['5', 'x', false] });
    expect(upserts(set).map(({ kind, row }) => [kind, row])).toEqual([
      ['upsert', ['5', 'x', 'long']],
      ['upsert', ['4', 'y', 'new']],
      ['upsert', ['3', 'z', 'z']],
    ]);
    expect(copyUpserts(upserts(set)).toString()).toBe('5\tx\tlong\n4\ty\tnew\n3\tz\tz\n');
  });
});
