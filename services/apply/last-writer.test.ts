import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeChange, type StandingRow, type Verdict } from './last-writer.js';

const time = (n: number) => `2026-01-31T12:00:00.${String(n).padStart(6, '0')}Z`;
const there = (writtenAt: string | null): StandingRow => ({ isThere: true, writtenAt, deletedAt: null });
const gone = (deletedAt: string | null): StandingRow => ({ isThere: false, writtenAt: null, deletedAt });

test.each<[string, 'upsert' | 'update' | 'delete', StandingRow, boolean, Verdict]>([
  ['meets what apply wrote', 'upsert', there(null), false, 'write'],
  ['is the later one', 'upsert', there(time(4)), false, 'write'],
  ['is the earlier one', 'upsert', there(time(6)), true, 'later'],
  ['is of the same time, and the old project', 'upsert', there(time(5)), true, 'write'],
  ['is of the same time, and the new project', 'upsert', there(time(5)), false, 'later'],
  ['meets no row', 'upsert', gone(null), false, 'insert'],
  ['meets a row that was deleted before', 'upsert', gone(time(4)), false, 'insert'],
  ['meets a row that was deleted since', 'upsert', gone(time(6)), true, 'later'],
  ['has only a part of a row that is there', 'update', there(null), false, 'write'],
  ['has only a part of a row that is gone', 'update', gone(time(4)), false, 'gone'],
  ['deletes a row that was written since', 'delete', there(time(6)), false, 'later'],
  ['deletes what is deleted', 'delete', gone(time(6)), false, 'write'],
])('a change that %s', (_, kind, row, winsTies, expected) => {
  expect(judgeChange({ kind, at: time(5) }, row, winsTies)).toBe(expected);
});

type Side = 'old' | 'new';
const other = (side: Side): Side => (side === 'old' ? 'new' : 'old');

interface Change {
  readonly at: number;
  /** null: deleted. */
  readonly value: string | null;
}

/** One row on one side, and what is on its way there. */
interface Model {
  clock: number;
  value: string | null;
  writtenAt: number | null;
  deletedAt: number | null;
  readonly incoming: Change[];
}

/** Two projects with one row, each by its own clock. */
class Pair {
  readonly sides: Readonly<Record<Side, Model>> = { old: emptySide(), new: emptySide() };

  write(side: Side, value: string | null, elapsed: number): void {
    const model = this.sides[side];
    if (value === null && model.value === null) return;
    model.clock += elapsed + 1;
    model.value = value;
    model.writtenAt = model.clock;
    if (value === null) model.deletedAt = model.clock;
    this.sides[other(side)].incoming.push({ at: model.clock, value });
  }

  /** @param count of the changes that are applied as one, the last of which decides. */
  deliver(side: Side, count: number): void {
    const model = this.sides[side];
    const change = model.incoming.splice(0, count).at(-1);
    if (!change) return;
    const { value, at } = change;
    // Apply waits for its own server's clock.
    model.clock = Math.max(model.clock, at);
    const asTime = (n: number | null) => (n === null ? null : time(n));
    const row = {
      isThere: model.value !== null,
      writtenAt: asTime(model.writtenAt),
      deletedAt: asTime(model.deletedAt),
    };
    const verdict = judgeChange({ kind: value === null ? 'delete' : 'upsert', at: time(at) }, row, side === 'new');
    if (verdict === 'later' || verdict === 'gone') return;
    if (value === null && model.value === null) return;
    model.value = value;
    model.writtenAt = null;
  }
}

function emptySide(): Model {
  return { clock: 0, value: null, writtenAt: null, deletedAt: null, incoming: [] };
}

const sides = fc.constantFrom<Side>('old', 'new');
const steps = fc.oneof(
  fc.record({
    side: sides,
    value: fc.option(fc.string({ minLength: 1, maxLength: 2 }), { freq: 3 }),
    elapsed: fc.nat(3),
  }),
  fc.record({ side: sides, count: fc.integer({ min: 1, max: 3 }) }),
);

test('whatever both sides write, and however late it comes, both have the same row at last', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30 }), (all) => {
      const pair = new Pair();
      for (const step of all) {
        if ('count' in step) pair.deliver(step.side, step.count);
        else pair.write(step.side, step.value, step.elapsed);
      }
      for (const side of ['old', 'new'] as const) {
        while (pair.sides[side].incoming.length > 0) pair.deliver(side, 1);
      }
      expect(pair.sides.new.value).toBe(pair.sides.old.value);
    }),
    { numRuns: 2_000 },
  );
});
