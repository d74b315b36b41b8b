import { expect, test } from 'vitest';
import { walUse } from './wal-budget.js';

test('a budget is near at three quarters, and exceeded once it is used up', () => {
  const use = (retained: number) => walUse(retained, { bytes: 100 });
  expect([0, 74, 75, 99, 100, 500].map(use)).toEqual(['within', 'within', 'near', 'near', 'exceeded', 'exceeded']);
  expect(walUse(Number.MAX_SAFE_INTEGER, { bytes: undefined })).toBe('within');
});
