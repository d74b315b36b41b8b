import { expect, test } from 'vitest';
import { CUTOVER_FAILPOINTS } from '../../../platform/failpoint.js';
import { STEPS } from './move-steps.js';

test('a coordinator can be killed before and behind every step, and while it undoes', () => {
  const places = [...STEPS.map(({ name }) => name), 'undo'].flatMap((step) => [
    `cutover.${step}.begun`,
    `cutover.${step}.acted`,
  ]);
  expect([...CUTOVER_FAILPOINTS].sort()).toEqual([...places, 'cutover.fence.locked'].sort());
});
