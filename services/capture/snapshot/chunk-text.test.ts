import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkText } from './chunk-text.js';

test('whole lines are kept, one at the least, and it is full once they pass the limit', () => {
  const lines = fc.array(
    fc.nat(30).map((length) => `${'x'.repeat(length)}\n`),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 40 }), fc.nat(100), (whole, step, maxBytes) => {
      const all = Buffer.from(whole.join(''));
      const text = new ChunkText(maxBytes);
      let taken = 0;
      for (; taken < all.length && !text.isFull; taken += step) text.take(all.subarray(taken, taken + step));
      const kept = text.lines();
      expect(kept.equals(all.subarray(0, kept.length))).toBe(true);
      expect(kept.length === 0 || kept.at(-1) === 0x0a).toBe(true);
      expect(kept.length).toBeLessThanOrEqual(maxBytes + step + 31);
      if (text.isFull) expect(kept.length).toBeGreaterThan(0);
      else expect(kept.length).toBe(all.length);
      expect(text.openBytes).toBe(Math.min(taken, all.length) - kept.length);
    }),
  );
});
