import { expect, test } from 'vitest';
import { eventually } from './eventually.js';

test('gives back the first value that is one', async () => {
  const values = [undefined, false, null, 0];
  expect(await eventually(() => values.shift(), { what: 'a value' })).toBe(0);
});

test('an error means not yet, and is named when the time is up', async () => {
  let calls = 0;
  const flaky = async () => {
    calls += 1;
    if (calls < 2) throw new Error('too early');
    return 'there';
  };
  expect(await eventually(flaky, { what: 'it' })).toBe('there');
  const broken = () => Promise.reject(new Error('no slot'));
  await expect(eventually(broken, { what: 'the slot', timeoutMs: 60 })).rejects.toThrow(
    'timed out after 0.06 s waiting for the slot; last, it threw: no slot',
  );
});

test('says what the condition last gave', async () => {
  await expect(eventually(() => false, { what: 'lag 0', timeoutMs: 10 })).rejects.toThrow(/lag 0; last, it was false/);
});
