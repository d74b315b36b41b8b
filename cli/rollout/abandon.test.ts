import { expect, test } from 'vitest';
import { abandonedOf } from './abandon.js';

test('a direction is abandoned with a reason alone, and where the mode is left', () => {
  const flags = { abandon: ['back'], mode: 'reads', reason: ' the slot is lost ' } as const;
  expect(abandonedOf(flags)).toEqual({ ways: ['back'], reason: 'the slot is lost' });
  expect(abandonedOf({ mode: 'reads', reason: 'none' })).toBeUndefined();
  for (const wrong of [
    { ...flags, reason: ' ' },
    { ...flags, mode: 'users' } as const,
    { abandon: ['back'] } as const,
  ]) {
    expect(() => abandonedOf(wrong)).toThrow(expect.objectContaining({ code: 'usage' }));
  }
});
