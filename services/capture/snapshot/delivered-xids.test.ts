import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeliveredXids, isStale, parseSnapshot } from './delivered-xids.js';

const XIDS = 2 ** 32;

function delivered(...xids: number[]): DeliveredXids {
  const all = new DeliveredXids();
  for (const xid of xids) all.add(xid);
  return all;
}

const snapshot = (xmax: number, ...running: number[]) => ({ xmax, running: new Set(running) });

describe('parseSnapshot', () => {
  test.each([
    ['100:105:101,103', snapshot(105, 101, 103)],
    ['100:100:', snapshot(100)],
    // pg_current_snapshot() counts in 64 bits, the stream in the lower 32.
    ['4294967290:4294967299:4294967295,4294967297', snapshot(3, 4294967295, 1)],
    ['12884901888:12884901889:', snapshot(1)],
  ])('reads %s', (text, expected) => {
    expect(parseSnapshot(text)).toEqual(expected);
  });
});

describe('a chunk is stale', () => {
  test('when its snapshot ran beside a transaction that the stream had delivered', () => {
    const mark = delivered(100, 102).mark();
    expect(isStale(mark, snapshot(103, 102))).toBe(true);
    expect(isStale(mark, snapshot(103, 101))).toBe(false);
    expect(isStale(mark, snapshot(103))).toBe(false);
  });

  test('when its snapshot was taken before such a transaction had an end', () => {
    expect(isStale(delivered(100, 102).mark(), snapshot(102))).toBe(true);
    expect(isStale(delivered(100, 102).mark(), snapshot(101))).toBe(true);
    expect(isStale(delivered(102, 100).mark(), snapshot(102))).toBe(true);
  });

  test('not by what was delivered after the mark', () => {
    const xids = delivered(100);
    const mark = xids.mark();
    xids.add(102);
    expect(isStale(mark, snapshot(102))).toBe(false);
    expect(isStale(mark, snapshot(103, 102))).toBe(false);
    expect(isStale(xids.mark(), snapshot(103, 102))).toBe(true);
  });

  test('never before anything was delivered', () => {
    expect(isStale(delivered().mark(), snapshot(3, 5))).toBe(false);
  });

  test('as xids wrap around', () => {
    const mark = delivered(XIDS - 2, 5).mark();
    expect(isStale(mark, snapshot(6))).toBe(false);
    expect(isStale(mark, snapshot(5))).toBe(true);
    expect(isStale(mark, snapshot(XIDS - 1))).toBe(true);
    expect(isStale(mark, snapshot(6, XIDS - 2))).toBe(true);
  });

  test('the same wherever in the circle of xids it happens', () => {
    const anyStep = fc.nat({ max: 30 });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: XIDS - 1 }),
        fc.array(anyStep),
        anyStep,
        fc.array(anyStep),
        (base, seen, next, running) => {
          const stale = (start: number) => {
            const at = (step: number) => (start + step) % XIDS;
            return isStale(delivered(...seen.map(at)).mark(), snapshot(at(next), ...running.map(at)));
          };
          expect(stale(base)).toBe(stale(1_000));
          expect(stale(base)).toBe(seen.some((xid) => xid >= next || running.includes(xid)));
        },
      ),
    );
  });
});

test('what was delivered long ago is forgotten, the newest never', () => {
  const xids = delivered(1);
  for (let xid = 3; xid < 40_000; xid++) xids.add(xid);
  const mark = xids.mark();
  expect([mark.has(1), mark.has(39_999), mark.newest]).toEqual([false, true, 39_999]);
});
