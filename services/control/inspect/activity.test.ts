import { expect, test } from 'vitest';
import { type ActivityReading, activityOf } from './activity.js';

const reading = (at: number, writes: number, countedSeconds: number | null): ActivityReading => ({
  at,
  countedSeconds,
  writes: new Map([[7, writes]]),
  liveRows: new Map(),
});

test('writes are counted between two readings, and since the statistics began', () => {
  expect(activityOf(7, reading(100, 50, 1_000), reading(104, 90, 1_004))).toEqual({
    writesPerSecond: 10,
    averageWritesPerSecond: 90 / 1_004,
  });
  expect(activityOf(8, reading(100, 50, 10), reading(104, 90, 14)).writesPerSecond).toBe(0);
});

test('statistics that are reset in between are no negative writes, and without their age there is no average', () => {
  expect(activityOf(7, reading(100, 50, null), reading(101, 3, null))).toEqual({
    writesPerSecond: 0,
    averageWritesPerSecond: null,
  });
});
