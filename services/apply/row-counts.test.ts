import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RowLine, Tuple } from '../../core/record.js';
import { relationOf } from '../../test/support/record-builder.js';
import { countRow, type RowCounts, splitCounts } from './row-counts.js';
import { shapeOf } from './table-shape.js';

const relation = relationOf(1, 'growth.facts', ['a', 'b'], { key: [], identity: 'f' });
const column = (name: string) => ({
  name,
  type: 'text',
  isDomain: false,
  equal: null,
  isEqualAsText: true,
  isIdentityAlways: false,
});
const shape = shapeOf(relation, {
  schema: 'growth',
  table: 'facts',
  columns: new Map(['a', 'b'].map((name) => [name, column(name)])),
  keys: [],
});
const emptySet = (): RowCounts => ({ shape, counts: new Map() });
const line = (op: RowLine['op'], rest: Partial<RowLine>): RowLine => ({ rel: 1, ix: 0, op, ...rest });

test('an update that leaves a row as it was is nothing to be done', () => {
  const set = emptySet();
  countRow(set, line('u', { old: ['1', null], new: ['1', null] }));
  expect(splitCounts(set)).toEqual({ gone: [], added: [] });
});

test('NULL and an empty text are different rows', () => {
  const set = emptySet();
  countRow(set, line('d', { old: ['1', null] }));
  countRow(set, line('c', { new: ['1', ''] }));
  expect(splitCounts(set)).toEqual({ gone: [['1', null]], added: [['1', '']] });
});

test('what does not say which row it means is refused', () => {
  for (const event of [line('d', { key: ['1', null] }), line('u', { new: ['1', 'x'] })]) {
    expect(() => countRow(emptySet(), event)).toThrow(expect.objectContaining({ code: 'apply-failed' }));
  }
});

test('any changes of any rows leave as many of each as the source has', () => {
  const value = fc.constantFrom('1', '2', '', null);
  const row = fc.tuple(value, value);
  const rows = fc.array(row, { maxLength: 8 });
  fc.assert(
    fc.property(
      rows,
      fc.array(fc.tuple(fc.nat(), fc.option(row), fc.boolean()), { maxLength: 40 }),
      (before, changes) => {
        const source: Tuple[] = [...before];
        const set = emptySet();
        for (const [at, to, isInsert] of changes) {
          if (isInsert && to) {
            source.push(to);
            countRow(set, line('c', { new: to }));
          } else if (source.length > 0) {
            const [old] = source.splice(at % source.length, 1, ...(to ? [to] : []));
            countRow(set, to ? line('u', { old, new: to }) : line('d', { old }));
          }
        }
        const { gone, added } = splitCounts(set);
        expect(counted([...before, ...added])).toEqual(counted([...source, ...gone]));
      },
    ),
  );
});

function counted(rows: readonly Tuple[]): string[] {
  return rows.map((one) => JSON.stringify(one)).sort();
}
