import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RowLine, Tuple } from '../../core/record.js';
import { relationOf } from '../../test/support/record-builder.js';
import { TargetModel } from '../../test/support/target-model.js';
import { anyText } from '../../test/support/texts.js';
import { type ChangeSet, fold, keyOf, type NetChange } from './fold.js';
import { shapeOf, type TableShape } from './table-shape.js';

/** @param more columns that the target's table has beside. */
function shapeWith(columns: readonly string[], key: readonly string[], more: readonly string[] = []): TableShape {
  return shapeOf(relationOf(1, 'growth.posts', columns, { key }), {
    schema: 'growth',
    table: 'posts',
    columns: new Map(
      [...columns, ...more].map((name) => [
        name,
        { name, type: 'text', isDomain: false, equal: null, isEqualAsText: true, isIdentityAlways: false },
      ]),
    ),
    keys: [key],
  });
}

const posts = shapeWith(['id', 'n', 'body'], ['id']);
const event = (op: RowLine['op'], rest: Partial<RowLine>): RowLine => ({ rel: 1, ix: 0, op, ...rest });
const create = (...row: Tuple) => event('c', { new: row });
const update = (...row: Tuple) => event('u', { new: row });
const remove = (id: string) => event('d', { key: [id, null, null] });
const rekey = (from: string, ...row: Tuple) => event('u', { key: [from, null, null], new: row });

/** Folds into one set, which nothing must close. */
function folded(...events: RowLine[]): NetChange[] {
  const set: ChangeSet = { shape: posts, changes: new Map() };
  for (const one of events) expect(fold(set, one)).toBeUndefined();
  return [...set.changes.values()];
}

describe('fold', () => {
  test.each<[string, RowLine[], NetChange[]]>([
    ['a create', [create('1', 'a', 'x')], [{ kind: 'upsert', row: ['1', 'a', 'x'] }]],
    ['an update that is whole', [update('1', 'b', 'x')], [{ kind: 'upsert', row: ['1', 'b', 'x'] }]],
    ['an update that is not', [update('1', 'b', false)], [{ kind: 'update', row: ['1', 'b', false] }]],
    ['a delete', [remove('1')], [{ kind: 'delete', key: ['1', null, null] }]],
    [
      'a delete that gives the whole row',
      [event('d', { old: ['1', 'a', 'x'] })],
      [{ kind: 'delete', key: ['1', 'a', 'x'] }],
    ],
    [
      'changes of two rows',
      [create('1', 'a', 'x'), remove('2')],
      [
        { kind: 'upsert', row: ['1', 'a', 'x'] },
        { kind: 'delete', key: ['2', null, null] },
      ],
    ],
    [
      'a create and its update, which takes the unchanged value from it',
      [create('1', 'a', 'x'), update('1', 'b', false)],
      [{ kind: 'upsert', row: ['1', 'b', 'x'] }],
    ],
    [
      'updates that are not whole, value by value',
      [update('1', false, 'y'), update('1', 'c', false)],
      [{ kind: 'update', row: ['1', 'c', 'y'] }],
    ],
    [
      'a null, which is a value',
      [create('1', 'a', null), update('1', 'b', false)],
      [{ kind: 'upsert', row: ['1', 'b', null] }],
    ],
    ['a create and its delete', [create('1', 'a', 'x'), remove('1')], [{ kind: 'delete', key: ['1', null, null] }]],
    ['a delete and a create', [remove('1'), create('1', 'b', 'y')], [{ kind: 'upsert', row: ['1', 'b', 'y'] }]],
    [
      'a key change that is whole',
      [rekey('1', '2', 'a', 'x')],
      [
        { kind: 'delete', key: ['1', null, null] },
        { kind: 'upsert', row: ['2', 'a', 'x'] },
      ],
    ],
    [
      'a key change of a row that is known whole',
      [create('1', 'a', 'x'), rekey('1', '2', 'b', false)],
      [
        { kind: 'delete', key: ['1', null, null] },
        { kind: 'upsert', row: ['2', 'b', 'x'] },
      ],
    ],
    [
      'an update that says its unchanged key',
      [event('u', { key: ['1', null, null], new: ['1', 'b', false] })],
      [{ kind: 'update', row: ['1', 'b', false] }],
    ],
    [
      'keys that swap',
      [rekey('1', 't', 'a', 'x'), rekey('2', '1', 'b', 'y'), rekey('t', '2', 'a', 'x')],
      [
        { kind: 'upsert', row: ['1', 'b', 'y'] },
        { kind: 'delete', key: ['t', null, null] },
        { kind: 'upsert', row: ['2', 'a', 'x'] },
      ],
    ],
  ])('makes one of %s', (_, events, expected) => {
    const found = folded(...events);
    expect(found).toHaveLength(expected.length);
    expect(found).toEqual(expect.arrayContaining(expected));
  });

  test('hands back a key change of a row that only the target knows whole', () => {
    const set: ChangeSet = { shape: posts, changes: new Map() };
    fold(set, update('1', 'b', false));
    expect(fold(set, rekey('1', '2', 'c', false))).toEqual({
      shape: posts,
      from: ['1', null, null],
      to: ['2', 'c', false],
    });
    // What came before it is written first.
    expect([...set.changes.values()]).toEqual([{ kind: 'update', row: ['1', 'b', false] }]);
  });
});

describe('keyOf', () => {
  test('is another text for every other key', () => {
    const pairs = shapeWith(['a', 'b'], ['b', 'a']);
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, (a, b, c, d) => {
        expect(keyOf(pairs, [a, b]) === keyOf(pairs, [c, d])).toBe(a === c && b === d);
        expect(keyOf(pairs, [a, b])).toBe(keyOf(pairs, [a, b]));
      }),
    );
  });
});

/** A change as a source makes it; which row it touches is chosen among those that are there. */
interface Change {
  readonly kind: 'create' | 'update' | 'delete' | 'rekey';
  readonly which: number;
  readonly key: readonly [string, string];
  /** Of the columns that are stored out of line: whether the change sets them. */
  readonly sets: readonly [boolean, boolean];
  /** Replica identity full. */
  readonly isFull: boolean;
}

const keyPart = fc.constantFrom('a', 'b', '","');
const anyChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('create', 'update', 'delete', 'rekey'),
  which: fc.nat(),
  key: fc.tuple(keyPart, keyPart),
  sets: fc.tuple(fc.boolean(), fc.boolean()),
  isFull: fc.boolean(),
});

const COLUMNS = ['k1', 'n', 'big', 'bigger', 'k2'];
type Row = [string, string, string | null, string, string];
const keyTuple = (row: Row): Tuple => [row[0], null, null, null, row[4]];
const id = (row: Row) => JSON.stringify([row[4], row[0]]);

/** Makes a change at the source. @returns its event; undefined when nothing can be so changed. */
function change(source: Map<string, Row>, { kind, which, key, sets, isFull }: Change, n: number): RowLine | undefined {
  const before = [...source.values()][which % Math.max(1, source.size)];
  const fresh: Row = [key[0], `n${n}`, sets[0] ? null : `big ${n}`, `bigger ${n}`, key[1]];
  if (kind === 'create') {
    if (source.has(id(fresh))) return undefined;
    source.set(id(fresh), fresh);
    return event('c', { new: fresh });
  }
  if (!before) return undefined;
  const old = isFull ? { old: before } : { key: keyTuple(before) };
  if (kind === 'delete') {
    source.delete(id(before));
    return event('d', old);
  }
  const [k1, k2] = kind === 'rekey' ? key : [before[0], before[4]];
  const after: Row = [k1, `n${n}`, sets[0] ? `big ${n}` : before[2], sets[1] ? `bigger ${n}` : before[3], k2];
  const isMoved = id(after) !== id(before);
  if (isMoved && source.has(id(after))) return undefined;
  source.delete(id(before));
  source.set(id(after), after);
  // With the old row, capture has filled in all that is unchanged; a null is never stored out of line.
  const sent = after.map((value, i) => {
    const isUnchanged = (i === 2 && !sets[0]) || (i === 3 && !sets[1]);
    return isUnchanged && value !== null && !isFull ? false : value;
  });
  return event('u', { ...(isFull || isMoved ? old : {}), new: sent });
}

test('folding in any cuts leaves what the changes leave one by one', () => {
  const changesAndCuts = fc.array(fc.tuple(anyChange, fc.nat({ max: 9 })), { maxLength: 40 });
  fc.assert(
    fc.property(fc.constantFrom([], ['pin']), changesAndCuts, (more, changes) => {
      const shape = shapeWith(COLUMNS, ['k2', 'k1'], more);
      const source = new Map<string, Row>();
      const target = new TargetModel();
      let set: ChangeSet = { shape, changes: new Map() };
      const flush = () => {
        target.write([{ kind: 'changes', set }]);
        set = { shape, changes: new Map() };
      };
      const expectEqual = () => {
        const rows = [...target.table('growth.posts').values()].map((row) => COLUMNS.map((name) => row[name]));
        expect(new Set(rows.map((row) => JSON.stringify(row)))).toEqual(
          new Set([...source.values()].map((row) => JSON.stringify(row))),
        );
        expect(rows).toHaveLength(source.size);
      };
      for (const [n, [one, cut]] of changes.entries()) {
        const line = change(source, one, n);
        const move = line && fold(set, line);
        if (move) {
          flush();
          target.write([{ kind: 'move', move }]);
        }
        if (cut > 0) continue;
        flush();
        expectEqual();
      }
      flush();
      expectEqual();
    }),
    { numRuns: 500 },
  );
});

test('a key change moves the row where the table has more columns, whatever is known of it', () => {
  const shape = shapeWith(['id', 'n', 'body'], ['id'], ['pin']);
  const from = ['1', null, null];
  const set: ChangeSet = { shape, changes: new Map() };
  expect(fold(set, rekey('1', '2', 'a', 'x'))).toEqual({ shape, from, to: ['2', 'a', 'x'], isWhole: true });
  expect(fold(set, rekey('1', '2', 'a', false))).toEqual({ shape, from, to: ['2', 'a', false] });
  fold(set, create('1', 'a', 'x'));
  expect(fold(set, rekey('1', '2', 'b', false))).toEqual({ shape, from, to: ['2', 'b', 'x'], isWhole: true });
  expect([...set.changes.values()]).toEqual([{ kind: 'upsert', row: ['1', 'a', 'x'] }]);
});

test('of changes that are folded the last one has the commit time; both keys have that of a key change', () => {
  const set: ChangeSet = { shape: posts, changes: new Map() };
  fold(set, create('1', 'a', 'x'), 't1');
  fold(set, create('2', 'a', 'x'), 't2');
  fold(set, update('1', 'b', false), 't3');
  fold(set, rekey('2', '3', 'a', 'x'), 't4');
  expect([...set.times!]).toEqual([
    ['1', 't3'],
    ['2', 't4'],
    ['3', 't4'],
  ]);
  expect(fold({ shape: posts, changes: new Map() }, rekey('4', '5', 'a', false), 't5')).toMatchObject({ at: 't5' });
});
