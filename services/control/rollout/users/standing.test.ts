import { expect, test } from 'vitest';
import { standingRefusal } from './standing.js';

const halted = {
  source: 'growth.orders',
  partition: 0,
  state: 'halted' as const,
  reason: { message: 'a column came', remedy: 'Add it.' },
};

test('nothing stands', () => {
  expect(standingRefusal([], [], 'config/mine')).toBeUndefined();
});

test('tables that stand and dead letters are named, each with its next step', () => {
  const refusal = standingRefusal([halted], [{ source: 'growth.jobs', count: 2 }], 'config/mine/back');
  expect(refusal?.message).toBe('growth.orders is halted (a column came); growth.jobs has 2 dead letters');
  expect(refusal?.remedy).toMatch(/ferry table resume .*-c config\/mine\/back.*ferry dead-letter drop -c/);
});

test('of dead letters alone no table is to be resumed', () => {
  expect(standingRefusal([], [{ source: 'growth.jobs', count: 1 }], 'c')?.remedy).not.toContain('table resume');
});
