import { describe, expect, test } from 'vitest';
import { copyLine } from '../../../core/copy-text.js';
import type { Chunk } from './chunk.js';
import { DeliveredXids } from './delivered-xids.js';
import { keyOfLine, WatermarkWindow } from './watermark-window.js';

type Row = (string | null)[];

const ROWS: Row[] = [
  ['1', 'one', 'long 1'],
  ['2', 'two', 'long 2'],
  ['3', 'three', 'long 3'],
];

function chunkOf(rows: readonly Row[], snapshot = { xmax: 1_000, running: new Set<number>() }): Chunk {
  return {
    text: Buffer.from(rows.map(copyLine).join('')),
    rows: rows.length,
    mark: { upTo: [rows.at(-1)?.[0] ?? ''], final: false },
    snapshot,
  };
}

/** A window over ROWS in which something happens. */
function close(happens: (window: WatermarkWindow) => void, options: { rows?: Row[]; keyIndexes?: number[] } = {}) {
  const window = new WatermarkWindow(options.keyIndexes ?? [0]);
  window.opened(new DeliveredXids());
  window.fill(chunkOf(options.rows ?? ROWS));
  happens(window);
  const closed = window.close();
  if (closed === 'stale') throw new Error('stale');
  return { rows: closed.rows, gaveWay: closed.gaveWay, text: closed.text.toString() };
}

describe('a row of the chunk', () => {
  test('stays as it was read when nothing happened to it', () => {
    expect(close(() => {})).toEqual({ rows: 3, gaveWay: 0, text: ROWS.map(copyLine).join('') });
    expect(close((window) => window.created(['9', 'new', 'x'])).rows).toBe(3);
  });

  test.each<[string, (window: WatermarkWindow) => void]>([
    ['created', (window) => window.created(['2', 'zwei', 'x'])],
    ['deleted', (window) => window.deleted(['2', null, null])],
    ['updated whole', (window) => window.updated(['2', 'zwei', 'x'], undefined)],
    ['moved away', (window) => window.updated(['9', 'two', 'x'], ['2', null, null])],
    ['moved away without its TOAST value', (window) => window.updated(['9', 'two', false], ['2', null, null])],
    ['moved to', (window) => window.updated(['2', 'two', 'x'], ['9', null, null])],
  ])('gives way when the stream says it was %s', (_, happens) => {
    expect(close(happens)).toEqual({ rows: 2, gaveWay: 1, text: copyLine(ROWS[0]!) + copyLine(ROWS[2]!) });
  });

  test('keeps only the TOAST value that an update did not carry', () => {
    expect(close((window) => window.updated(['2', 'zwei', false], undefined))).toEqual({
      rows: 3,
      gaveWay: 0,
      text: copyLine(ROWS[0]!) + copyLine(['2', 'zwei', 'long 2']) + copyLine(ROWS[2]!),
    });
  });

  test('takes the last of several updates that did not carry it', () => {
    const { text } = close((window) => {
      window.updated(['2', 'zwei', false], undefined);
      window.updated(['2', null, false], undefined);
    });
    expect(text).toContain(copyLine(['2', null, 'long 2']));
  });

  test('takes each value from the update that carried it last', () => {
    const rows: Row[] = [['2', 'two', 'a', 'b']];
    const { text } = close(
      (window) => {
        window.updated(['2', 'zwei', 'A', false], undefined);
        window.updated(['2', 'deux', false, false], undefined);
      },
      { rows },
    );
    expect(text).toBe(copyLine(['2', 'deux', 'A', 'b']));
  });

  test('gives way for good once the stream carried it whole', () => {
    const givenUp = (happens: (window: WatermarkWindow) => void) => close(happens).gaveWay;
    expect(
      givenUp((window) => {
        window.updated(['2', 'zwei', 'x'], undefined);
        window.updated(['2', 'deux', false], undefined);
      }),
    ).toBe(1);
    expect(
      givenUp((window) => {
        window.updated(['2', 'zwei', false], undefined);
        window.updated(['2', 'deux', 'x'], undefined);
      }),
    ).toBe(1);
    expect(
      givenUp((window) => {
        window.deleted(['2', null, null]);
        window.created(['2', 'zwei', 'x']);
        window.updated(['2', 'deux', false], undefined);
      }),
    ).toBe(1);
  });

  test('is updated, not moved, by an update that says its unchanged key', () => {
    expect(close((window) => window.updated(['2', 'zwei', false], ['2', null, null])).gaveWay).toBe(0);
    expect(close((window) => window.updated(['2', 'zwei', false], ['2', 'two', 'long 2'])).gaveWay).toBe(0);
  });

  test('gives way to a truncate, like all others', () => {
    expect(close((window) => window.truncated())).toEqual({ rows: 0, gaveWay: 3, text: '' });
  });

  test('is found by a key of any text, of several columns, and keeps what COPY must escape', () => {
    const rows: Row[] = [
      ['a\tb', '1', '\\N'],
      ['a', 'b\t1', 'x'],
      ['a\\tb', '1', 'y'],
      ['ü🚢\ufeff', '1', '\n'],
    ];
    const { text, gaveWay } = close(
      (window) => {
        window.deleted(['a', 'b\t1', null]);
        window.updated(['a\tb', '1', 'changed\t'], undefined);
        window.updated(['ü🚢\ufeff', '1', false], undefined);
      },
      { rows, keyIndexes: [0, 1] },
    );
    expect(gaveWay).toBe(2);
    expect(text).toBe(copyLine(rows[2]!) + copyLine(rows[3]!));
  });
});

describe('a window', () => {
  test('of an empty chunk is empty', () => {
    expect(close((window) => window.created(['1', 'x', 'y']), { rows: [] })).toEqual({ rows: 0, gaveWay: 0, text: '' });
  });

  test('is stale when its low watermark never came, or its chunk', () => {
    const unopened = new WatermarkWindow([0]);
    unopened.fill(chunkOf(ROWS));
    expect([unopened.isOpen, unopened.close()]).toEqual([false, 'stale']);
    const unfilled = new WatermarkWindow([0]);
    unfilled.opened(new DeliveredXids());
    expect([unfilled.isOpen, unfilled.close()]).toEqual([true, 'stale']);
  });

  test('is stale when the chunk had not seen a transaction that was delivered before the low watermark', () => {
    const delivered = new DeliveredXids();
    delivered.add(700);
    const closeWith = (snapshot: { xmax: number; running: Set<number> }) => {
      const window = new WatermarkWindow([0]);
      window.opened(delivered);
      window.fill(chunkOf(ROWS, snapshot));
      return window.close();
    };
    expect(closeWith({ xmax: 701, running: new Set([700]) })).toBe('stale');
    expect(closeWith({ xmax: 700, running: new Set() })).toBe('stale');
    expect(closeWith({ xmax: 701, running: new Set() })).not.toBe('stale');
  });
});

test('keyOfLine reads the key of a COPY line in key order', () => {
  expect(keyOfLine(Buffer.from('a\\tb\t\\N\tü\n'), [2, 0])).toEqual(['ü', 'a\tb']);
});
