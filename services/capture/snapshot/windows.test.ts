import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyLine, parseCopyField } from '../../../core/copy-text.js';
import type { Tuple } from '../../../core/record.js';
import type { Relation } from '../../../core/relation.js';
import * as pgoutput from '../../../test/support/pgoutput-builder.js';
import { relationOf } from '../../../test/support/record-builder.js';
import { planOf } from '../../../test/support/table-plan.js';
import { decode, type RowMessage } from '../pgoutput/decode.js';
import { readTuple } from '../pgoutput/tuple.js';
import type { Chunk, TablePlan } from './chunk.js';
import { SnapshotWindows } from './windows.js';

const posts = relationOf(1, 'public.posts', ['id', 'n', 'body']);
const plan = planOf(posts);

const chunkOf = (rows: readonly Tuple[]): Chunk => ({
  text: Buffer.from(rows.map((row) => copyLine(row as string[])).join('')),
  rows: rows.length,
  mark: { final: false },
  snapshot: { xmax: 1_000, running: new Set() },
});

function pass(windows: SnapshotWindows, message: Buffer, relation: Relation = posts): void {
  windows.row(message, decode(message) as RowMessage, relation);
}

/** Windows of a table that is being copied, with one window that waits for its low watermark. */
function waiting(outcomes: string[] = []): SnapshotWindows {
  const windows = new SnapshotWindows();
  windows.tableStarted(plan);
  windows.expect('a', plan, (outcome) => outcomes.push(outcome));
  return windows;
}

function textOf(windows: SnapshotWindows, id = 'a'): string {
  return windows.high(id)!.reconciled.text.toString();
}

describe('SnapshotWindows', () => {
  test('a copy that begins again leaves out the chunks that were on their way, and their rereads', () => {
    const outcomes: string[] = [];
    const windows = waiting(outcomes);
    windows.low('a');
    pass(windows, pgoutput.update(1, ['8', 'x', false], { key: ['1', null, null] }));
    expect(windows.rereads(plan).size).toBe(1);
    const before = windows.copyOf(plan);
    windows.tableBeginsAgain(plan);
    expect(outcomes).toEqual(['begun-again']);
    expect(windows.rereads(plan).size).toBe(0);
    windows.fill('a', chunkOf([['1', 'one', 'x']]));
    expect(windows.high('a')).toBeUndefined();
    // Whoever still works for the copy before is told so, and ends nothing.
    windows.expect('b', plan, (outcome) => outcomes.push(outcome), { copy: before });
    expect(outcomes).toEqual(['begun-again', 'begun-again']);
    windows.tableFinished(plan, before);
    pass(windows, pgoutput.update(1, ['9', 'x', false], { key: ['2', null, null] }));
    expect(windows.rereads(plan).size).toBe(1);
  });

  test('counts changes between the low and the high watermark only', () => {
    const outcomes: string[] = [];
    const windows = waiting(outcomes);
    pass(windows, pgoutput.remove(1, { key: ['1', null, null] }));
    windows.low('a');
    pass(windows, pgoutput.remove(1, { key: ['2', null, null] }));
    windows.fill(
      'a',
      chunkOf([
        ['1', 'one', 'x'],
        ['2', 'two', 'x'],
      ]),
    );
    const closed = windows.high('a')!;
    expect(closed.reconciled).toEqual({ text: Buffer.from('1\tone\tx\n'), rows: 1, gaveWay: 1 });
    expect(closed.plan).toBe(plan);
    expect(outcomes).toEqual(['published']);
    expect(windows.high('a')).toBeUndefined();
  });

  test('leaves watermarks of another process alone', () => {
    const windows = waiting();
    windows.low('other');
    expect(windows.high('other')).toBeUndefined();
  });

  test('says that a chunk is stale, and writes nothing of it', () => {
    const outcomes: string[] = [];
    const windows = waiting(outcomes);
    windows.delivered(1_000);
    windows.low('a');
    windows.fill('a', chunkOf([['1', 'one', 'x']]));
    expect(windows.high('a')).toBeUndefined();
    expect(outcomes).toEqual(['stale']);
  });

  test('forgets a window whose chunk could not be read', () => {
    const outcomes: string[] = [];
    const windows = waiting(outcomes);
    windows.low('a');
    windows.abandon('a');
    windows.abandon('never heard of');
    expect(windows.high('a')).toBeUndefined();
    expect(outcomes).toEqual([]);
  });

  test('keeps several windows apart, of one table and of others', () => {
    const other: TablePlan = { ...plan, relation: relationOf(2, 'public.other', plan.columns) };
    const windows = waiting();
    windows.tableStarted(other);
    windows.expect('b', plan, () => {});
    windows.expect('c', other, () => {});
    windows.low('a');
    pass(windows, pgoutput.remove(1, { key: ['1', null, null] }));
    windows.low('b');
    windows.low('c');
    pass(windows, pgoutput.remove(1, { key: ['2', null, null] }));
    for (const id of ['a', 'b', 'c'])
      windows.fill(
        id,
        chunkOf([
          ['1', '', ''],
          ['2', '', ''],
          ['3', '', ''],
        ]),
      );
    expect(['a', 'b', 'c'].map((id) => textOf(windows, id).replaceAll(/\t\t\n/g, ' '))).toEqual([
      '3 ',
      '1 3 ',
      '1 2 3 ',
    ]);
  });

  test('empties the chunks of the tables that are truncated', () => {
    const windows = waiting();
    windows.low('a');
    windows.truncate([7, 1]);
    windows.fill('a', chunkOf([['1', '', '']]));
    expect(windows.high('a')!.reconciled).toMatchObject({ rows: 0, gaveWay: 1 });
  });

  test('reads changes in the order of the relation that they came with', () => {
    const windows = waiting();
    windows.low('a');
    const reordered = relationOf(1, 'public.posts', ['body', 'extra', 'id', 'n']);
    pass(windows, pgoutput.update(1, [false, 'x', '1', 'eins']), reordered);
    windows.fill('a', chunkOf([['1', 'one', 'long']]));
    expect(textOf(windows)).toBe('1\teins\tlong\n');
  });
});

describe('rows that must be read again', () => {
  const rereads = (...messages: Buffer[]) => {
    const windows = waiting();
    for (const message of messages) pass(windows, message);
    return [...windows.rereads(plan).keys()];
  };

  test('are those that a key change moved without their TOAST values, in a window or not', () => {
    expect(rereads(pgoutput.update(1, ['9', 'two', false], { key: ['2', null, null] }))).toEqual(['["9"]']);
    const windows = waiting();
    windows.low('a');
    pass(windows, pgoutput.update(1, ['9', 'two', false], { key: ['2', null, null] }));
    windows.fill('a', chunkOf([['2', 'two', 'long']]));
    expect(windows.high('a')!.reconciled).toMatchObject({ rows: 0, gaveWay: 1 });
    expect([...windows.rereads(plan).keys()]).toEqual(['["9"]']);
  });

  test('are not those that came whole', () => {
    expect(
      rereads(
        pgoutput.update(1, ['9', 'two', 'long'], { key: ['2', null, null] }),
        pgoutput.update(1, ['9', 'two', false]),
        pgoutput.update(1, ['8', 'two', false], { old: ['9', 'two', 'long'] }),
        pgoutput.insert(1, ['7', 'x', 'y']),
        pgoutput.remove(1, { key: ['7', null, null] }),
      ),
    ).toEqual([]);
  });

  test('stay where another row has taken the key while it was read', () => {
    const windows = waiting();
    pass(windows, pgoutput.update(1, ['9', 'two', false], { key: ['2', null, null] }));
    pass(windows, pgoutput.update(1, ['8', 'six', false], { key: ['6', null, null] }));
    const due = new Map(windows.rereads(plan));
    windows.low('a');
    windows.fill(
      'a',
      chunkOf([
        ['9', 'two', 'long'],
        ['8', 'six', 'long'],
      ]),
    );
    pass(windows, pgoutput.remove(1, { key: ['9', null, null] }));
    pass(windows, pgoutput.update(1, ['9', 'five', false], { key: ['5', null, null] }));
    expect(textOf(windows)).toBe('8\tsix\tlong\n');
    windows.reread(plan, due);
    expect([...windows.rereads(plan).keys()]).toEqual(['["9"]']);
  });

  test('carry over a restart, and end with the table', () => {
    const windows = new SnapshotWindows();
    windows.tableStarted(plan, ['["3"]']);
    expect([...windows.rereads(plan).keys()]).toEqual(['["3"]']);
    windows.reread(plan, windows.rereads(plan));
    expect([...windows.rereads(plan).keys()]).toEqual([]);
    windows.tableFinished(plan);
    pass(windows, pgoutput.update(1, ['9', 'two', false], { key: ['2', null, null] }));
    expect([...windows.rereads(plan).keys()]).toEqual([]);
  });

  test('stand in the state that is put down, so that a restart knows them', () => {
    const windows = waiting();
    pass(windows, pgoutput.update(1, ['9', 'two', false], { key: ['2', null, null] }));
    const state = { rows: 5, done: false, rereads: ['["from before"]'] };
    const states = new Map([
      ['public.posts', state],
      ['public.copied', { ...state, done: true, rereads: [] }],
    ]);
    expect(windows.withRereads(states)).toEqual(
      new Map([
        ['public.posts', { ...state, rereads: ['["9"]'] }],
        ['public.copied', { ...state, done: true, rereads: [] }],
      ]),
    );
    expect(windows.withRereads(new Map())).toEqual(new Map());
  });

  test('name a key that is stored out of line itself, which an update calls unchanged', () => {
    const long = 'k'.repeat(2_600);
    const windows = waiting();
    windows.low('a');
    pass(windows, pgoutput.update(1, [false, 'zwei', false], { key: [long, null, null] }));
    windows.fill('a', chunkOf([[long, 'two', 'long']]));
    expect(textOf(windows)).toBe(`${long}\tzwei\tlong\n`);
    expect([...windows.rereads(plan).keys()]).toEqual([JSON.stringify([long])]);
  });
});

/** A change as the source makes it; what it touches is chosen among the rows that are there. */
interface Step {
  readonly kind: 'create' | 'update' | 'update-body' | 'delete' | 'move' | 'move-body' | 'truncate';
  readonly which: number;
  readonly key: string;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('create', 'update', 'update', 'update-body', 'delete', 'move', 'move-body', 'truncate'),
  which: fc.nat(),
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', '\t'),
});

/** Makes a change at the source. @returns its message; undefined when nothing can be so changed. */
function change(source: Map<string, string[]>, { kind, which, key }: Step, stamp: string): Buffer | undefined {
  const found = [...source.keys()][which % Math.max(1, source.size)];
  if (kind === 'truncate') {
    source.clear();
    return pgoutput.truncate([1]);
  }
  if (kind === 'create') {
    if (source.has(key)) return undefined;
    source.set(key, [key, stamp, `body ${stamp}`]);
    return pgoutput.insert(1, source.get(key)!);
  }
  if (found === undefined) return undefined;
  const row = source.get(found)!;
  if (kind === 'delete') {
    source.delete(found);
    return pgoutput.remove(1, { key: [found, null, null] });
  }
  const to = kind.startsWith('move') ? key : found;
  if (to !== found && source.has(to)) return undefined;
  const next = [to, stamp, kind.endsWith('body') ? `body ${stamp}` : row[2]!];
  source.delete(found);
  source.set(to, next);
  const sent = [next[0]!, next[1]!, kind.endsWith('body') ? next[2]! : false] as const;
  return pgoutput.update(1, sent, to === found ? {} : { key: [found, null, null] });
}

/** What a target makes of a change, when it has only what came through the stream so far. */
function applyTo(target: Map<string, Tuple>, message: Buffer): void {
  const decoded = decode(message);
  if (decoded.tag === 'truncate') return target.clear();
  const row = decoded as RowMessage;
  const [old, now] = [tupleAt(message, row.keyAt), tupleAt(message, row.newAt)];
  const before = target.get((old ?? now)![0] as string);
  if (old) target.delete(old[0] as string);
  // A row of which values are missing can only be changed where the target has it.
  if (now && (before || !now.includes(false))) {
    target.set(
      now[0] as string,
      now.map((value, i) => (value === false ? before![i]! : value)),
    );
  }
}

test('the stream and a chunk, wherever in its window it is read, make the table', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
      fc.array(anyStep, { maxLength: 12 }),
      fc.nat({ max: 12 }),
      (initial, steps, readAt) => {
        const source = new Map(initial.map((key) => [key, [key, 'first', `body of ${key}`]]));
        const target = new Map<string, Tuple>();
        const windows = waiting();
        windows.low('a');
        for (const [i, step] of [...steps, undefined].entries()) {
          if (i === Math.min(readAt, steps.length)) windows.fill('a', chunkOf([...source.values()]));
          const message = step && change(source, step, `v${i}`);
          if (!message) continue;
          if (decode(message).tag === 'truncate') windows.truncate([1]);
          else pass(windows, message);
          applyTo(target, message);
        }
        for (const line of textOf(windows).split('\n').slice(0, -1)) {
          const row = line.split('\t').map(parseCopyField);
          target.set(row[0]!, row);
        }
        for (const key of windows.rereads(plan).keys()) {
          const row = source.get(JSON.parse(key)[0]);
          if (row) target.set(row[0]!, row);
        }
        expect(new Map([...target].sort())).toEqual(new Map([...source].sort()));
      },
    ),
    { numRuns: 500 },
  );
});

function tupleAt(message: Buffer, at: number): Tuple | undefined {
  return at < 0 ? undefined : readTuple(message, at);
}

describe('a repair', () => {
  /** The window of a table that is copied already. */
  function repairing(extra: readonly string[][], outcomes: string[] = []): SnapshotWindows {
    const windows = new SnapshotWindows();
    const repair = { era: windows.era, extra };
    windows.expect('a', plan, (outcome) => outcomes.push(outcome), { repair });
    return windows;
  }

  test('gives way to changes in its window, and leaves alone what they were about', () => {
    const windows = repairing([['1'], ['2'], ['9']]);
    windows.low('a');
    pass(windows, pgoutput.insert(1, ['1', 'new', 'x']));
    pass(windows, pgoutput.update(1, ['3', 'new', 'x']));
    windows.fill(
      'a',
      chunkOf([
        ['3', 'old', 'x'],
        ['4', 'four', 'x'],
      ]),
    );
    const closed = windows.high('a')!;
    expect(closed.reconciled).toMatchObject({ text: Buffer.from('4\tfour\tx\n'), gaveWay: 1 });
    expect(closed.gone).toEqual([['2'], ['9']]);
  });

  test('takes nothing away behind a truncate', () => {
    const windows = repairing([['1']]);
    windows.low('a');
    windows.truncate([1]);
    windows.fill('a', chunkOf([]));
    expect(windows.high('a')!.gone).toEqual([]);
  });

  test('is over with a marker, whether its window is open, waits, or is still to come', () => {
    const outcomes: string[] = [];
    const windows = repairing([['1']], outcomes);
    const { era } = windows;
    windows.low('a');
    windows.endRepairs();
    expect(outcomes).toEqual(['begun-again']);
    windows.fill('a', chunkOf([['1', 'one', 'x']]));
    expect(windows.high('a')).toBeUndefined();
    windows.expect('b', plan, (outcome) => outcomes.push(outcome), { repair: { era, extra: [] } });
    expect(outcomes).toEqual(['begun-again', 'begun-again']);
  });

  test('does not end the copy of a table', () => {
    const outcomes: string[] = [];
    const windows = waiting(outcomes);
    windows.low('a');
    windows.endRepairs();
    windows.fill('a', chunkOf([['1', 'one', 'x']]));
    expect(textOf(windows)).toBe('1\tone\tx\n');
    expect(outcomes).toEqual(['published']);
  });

  test('ends with a copy of its table that begins again', () => {
    const outcomes: string[] = [];
    const windows = repairing([['1']], outcomes);
    windows.low('a');
    windows.tableBeginsAgain(plan);
    expect(outcomes).toEqual(['begun-again']);
    expect(windows.high('a')).toBeUndefined();
  });
});
