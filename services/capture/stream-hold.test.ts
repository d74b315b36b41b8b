import { expect, test } from 'vitest';
import { StreamHold } from './stream-hold.js';

test('messages that come while the stream stands still follow in their order, whatever became of their bytes', () => {
  const hold = new StreamHold();
  const bytes = Buffer.from('1');
  expect(hold.keeps(bytes)).toBe(false);
  hold.begin();
  expect(hold.keeps(bytes)).toBe(true);
  bytes.write('2');
  expect(hold.keeps(bytes)).toBe(true);
  const taken: string[] = [];
  hold.end((message) => taken.push(message.toString()));
  expect(taken).toEqual(['1', '2']);
  expect(hold.isHeld).toBe(false);
});

test('one of them may hold the stream once more', () => {
  const hold = new StreamHold();
  hold.begin();
  for (const text of ['a', 'hold', 'b']) hold.keeps(Buffer.from(text));
  const taken: string[] = [];
  const take = (message: Buffer) => {
    if (hold.keeps(message)) return;
    taken.push(message.toString());
    if (message.toString() === 'hold') hold.begin();
  };
  hold.end(take);
  expect([taken, hold.isHeld]).toEqual([['a', 'hold'], true]);
  hold.end(take);
  expect(taken).toEqual(['a', 'hold', 'b']);
});
