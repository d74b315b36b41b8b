import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RowLine, RowOp, Tuple, Value } from '../record.js';
import type { Relation } from '../relation.js';
import { parseExpression } from './expression.js';
import { RowFilter } from './row-filter.js';

const INT = 23;
const TEXT = 25;

/** public.t (tenant, id, kind, body), its key tenant and id. */
const relation = (identity: Relation['identity'], types: readonly number[] = [INT, INT, INT, TEXT]): Relation => ({
  id: 1,
  schema: 'public',
  table: 't',
  identity,
  columns: ['tenant', 'id', 'kind', 'body'].map((name, i) => ({
    name,
    type: types[i]!,
    typmod: -1,
    key: identity === 'f' || i < 2,
  })),
});

type Row = readonly (string | null)[];
interface Wanted {
  readonly op: RowOp;
  readonly which: number;
  readonly row: Row;
  /** The body has not changed, and is stored out of line. */
  readonly isUnchanged: boolean;
}

const digit = fc.constantFrom<string | null>('0', '1', '2');
const wanted: fc.Arbitrary<Wanted> = fc.record({
  op: fc.constantFrom<RowOp>('c', 'u', 'u', 'd'),
  which: fc.nat({ max: 20 }),
  row: fc.tuple(digit, digit, fc.constantFrom('0', '1', '2', null), fc.constantFrom('x', 'y', null)),
  isUnchanged: fc.boolean(),
});

const keyOf = (row: Tuple) => `${row[0]} ${row[1]}`;

/** Does changes to a source and tells what the WAL says of each. */
class Source {
  readonly rows = new Map<string, Row>();
  readonly #identity: Relation['identity'];
  readonly #isLarge: boolean;

  constructor(identity: Relation['identity'], isLarge: boolean) {
    this.#identity = identity;
    this.#isLarge = isLarge;
  }

  change({ op, which, row, isUnchanged }: Wanted): RowLine | undefined {
    const before = [...this.rows.values()][which % Math.max(this.rows.size, 1)];
    const line = { rel: 1, ix: 0, op };
    if (op === 'c') {
      if (this.rows.has(keyOf(row))) return undefined;
      this.rows.set(keyOf(row), row);
      return { ...line, new: row };
    }
    if (!before) return undefined;
    const isFull = this.#identity === 'f';
    const key = before.map((value, i) => (i < 2 ? value : null));
    if (op === 'd') {
      this.rows.delete(keyOf(before));
      return isFull ? { ...line, old: before } : { ...line, key };
    }
    const stays = this.#isLarge && isUnchanged;
    const now = [...row.slice(0, 3), stays ? before[3]! : row[3]!];
    const moves = keyOf(now) !== keyOf(before);
    if (moves && this.rows.has(keyOf(now))) return undefined;
    this.rows.delete(keyOf(before));
    this.rows.set(keyOf(now), now);
    const written: Value[] = [...now.slice(0, 3), stays && now[3] !== null ? false : now[3]!];
    const old = isFull ? { old: before } : moves ? { key } : {};
    return { ...line, ...old, new: written };
  }
}

/** Does what apply does with a change. @throws Error for an update of a row that is not there, and not whole. */
function apply(rows: Map<string, Row>, { op, key, old, new: now }: RowLine): void {
  const before = key ?? old ?? now!;
  const there = rows.get(keyOf(before));
  if (op !== 'c') rows.delete(keyOf(before));
  if (op === 'd') return;
  if (now!.includes(false) && !there) throw new Error(`no row ${keyOf(before)}`);
  rows.set(
    keyOf(now!),
    now!.map((value, i) => (value === false ? there![i]! : value)),
  );
}

describe('the target has the rows of the condition, whatever changes', () => {
  test.each([
    ['the whole old row is known', 'f', [INT, INT, INT, TEXT], "kind = 1 or body = 'x'", true],
    ['the condition reads the key', 'd', [INT, INT, INT, INT], 'tenant = 1', false],
    ['every change is whole', 'd', [INT, INT, INT, INT], 'kind in (0, 1) and not id = 2', false],
    ['every change is whole, and null counts', 'd', [INT, INT, INT, INT], 'kind is null or tenant <> 0', false],
  ] as const)('%s', (_, identity, types, where, isLarge) => {
    fc.assert(
      fc.property(fc.array(wanted, { maxLength: 40 }), (changes) => {
        const source = new Source(identity, isLarge);
        const filter = new RowFilter(parseExpression(where), relation(identity, types), [
          'tenant',
          'id',
          'kind',
          'body',
        ]);
        const target = new Map<string, Row>();
        for (const change of changes) {
          const line = source.change(change);
          if (!line) continue;
          // The mapper fills it so, ahead of the filter.
          const now =
            line.old && line.new ? line.new.map((value, i) => (value === false ? line.old![i]! : value)) : line.new;
          const taken = filter.take(now ? { ...line, new: now } : line);
          if (taken) apply(target, taken);
          expect(new Map(target)).toEqual(new Map([...source.rows].filter(([, row]) => filter.holds(row))));
        }
      }),
    );
  });
});

describe('over the key of a table with large values', () => {
  const filter = new RowFilter(parseExpression('tenant = 1'), relation('d'), ['tenant', 'id', 'kind', 'body']);
  const update = (key: Tuple | undefined, now: Tuple): RowLine => ({
    rel: 1,
    ix: 0,
    op: 'u',
    ...(key ? { key } : {}),
    new: now,
  });

  test('a row that stays keeps what has not changed', () => {
    const line = update(undefined, ['1', '2', null, false]);
    expect(filter.take(line)).toEqual(line);
    const moved = update(['1', '2', null, null], ['1', '3', null, false]);
    expect(filter.take(moved)).toEqual(moved);
    expect(filter.take(update(undefined, ['2', '2', null, false]))).toBeUndefined();
  });

  test('a row that leaves is deleted', () => {
    expect(filter.take(update(['1', '2', null, null], ['2', '2', null, false]))).toEqual({
      rel: 1,
      ix: 0,
      op: 'd',
      key: ['1', '2', null, null],
    });
  });

  test('a row that comes must be whole', () => {
    expect(filter.take(update(['2', '2', null, null], ['1', '2', null, 'x']))).toMatchObject({ op: 'c' });
    expect(() => filter.take(update(['2', '2', null, null], ['1', '2', null, false]))).toThrow('does not carry one');
  });
});

test('a change that lacks what its relation promises is refused', () => {
  const update: RowLine = { rel: 1, ix: 0, op: 'u', new: ['1', '2', null, 'x'] };
  const old = new RowFilter(parseExpression('tenant = 1'), relation('f'), ['id']);
  expect(() => old.take(update)).toThrow('does not carry the old row');
  // A type of the database's own is taken to be of one size.
  const whole = (moved: string[]) =>
    new RowFilter(parseExpression('kind = 1'), relation('d', [INT, INT, INT, 20_000]), moved);
  const lacking: RowLine = { ...update, new: ['1', '2', '1', false] };
  expect(() => whole(['id', 'body']).take(lacking)).toThrow('does not carry one of its values');
  expect(whole(['id']).take(lacking)).toEqual(lacking);
});

test.each([
  ["body = 'x'", ['id'], '`where` cannot be decided'],
  ['kind = 1', ['id', 'body'], 'nor carry body where that is large'],
  ['kind = 1', ['id', 'kind'], undefined],
  ['kind = 01', ['id'], 'no value of kind is written "01"'],
  ['knd = 1', ['id'], 'the source table has no column knd'],
] as const)('%s over a default replica identity, of a mapping that reads %j', (where, moved, problem) => {
  const made = () => new RowFilter(parseExpression(where), relation('d'), moved);
  if (problem === undefined) expect(made).not.toThrow();
  else expect(made).toThrow(problem);
});
