import { expect, test } from 'vitest';
import { Patience } from './patience.js';

function patience() {
  let at = 1_000;
  const tested = new Patience(() => at);
  const after = (ms: number) => {
    at += ms;
  };
  return { tested, after };
}

test('where no broker answers it is over after seconds', () => {
  const { tested, after } = patience();
  after(4_900);
  expect(tested.isOver).toBe(false);
  after(200);
  expect(tested.isOver).toBe(true);
});

test('where brokers answer it lasts for an election, and not for ever', () => {
  const { tested, after } = patience();
  for (let second = 0; second < 14; second++) {
    after(1_000);
    tested.reached();
    expect(tested.isOver).toBe(false);
  }
  after(1_100);
  tested.reached();
  expect(tested.isOver).toBe(true);
});
