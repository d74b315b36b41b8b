import { expect, test } from 'vitest';
import { Tally } from './tally.js';

test('counts writes by side', () => {
  const tally = new Tally(0);
  tally.committed('source', 5);
  tally.committed('source', 9);
  tally.committed('target', 30);
  expect(tally.counts()).toMatchObject({
    committed: 3,
    writesOnSource: 2,
    writesOnTarget: 1,
    pauseMs: 0,
    longestPauseMs: 21,
  });
});

test('the pause goes from where the first refused attempt began to the next accepted write', () => {
  const tally = new Tally(0);
  tally.committed('source', 100);
  tally.refused(110);
  tally.refused(105);
  tally.refused(150);
  tally.committed('target', 200);
  expect(tally.counts()).toMatchObject({ refused: 3, pauseMs: 95, pauseMsInto: { source: 0, target: 95 } });
  tally.refused(300);
  tally.committed('source', 420);
  expect(tally.counts()).toMatchObject({ refused: 4, pauseMs: 120, pauseMsInto: { source: 120, target: 95 } });
});

test('a write accepted while others are refused already ends no pause that goes on', () => {
  const tally = new Tally(0);
  tally.committed('source', 100);
  tally.refused(101);
  // Its statements were behind the fence already.
  tally.committed('source', 103);
  tally.refused(102);
  tally.committed('target', 180);
  expect(tally.counts().pauseMs).toBe(77);
});

test('a gap without refusals is no write pause, and shows as the longest gap', () => {
  const tally = new Tally(0);
  tally.committed('source', 400);
  expect(tally.counts()).toMatchObject({ pauseMs: 0, longestPauseMs: 400 });
});

test('the recent pause includes the one that lasts', () => {
  const tally = new Tally(0);
  tally.committed('source', 10);
  tally.committed('source', 60);
  expect(tally.takeRecentPauseMs(61)).toBe(50);
  expect(tally.takeRecentPauseMs(300)).toBe(240);
});
