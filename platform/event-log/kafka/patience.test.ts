import { afterEach, expect, test, vi } from 'vitest';
import { Patience, untilAnswered } from './patience.js';

afterEach(() => void vi.useRealTimers());

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

test('a request that nobody answers ends with that after seconds, and one that is answered with its answer', async () => {
  vi.useFakeTimers();
  const ended = expect(untilAnswered(new Promise(() => {}), 'append to p.raw/0')).rejects.toMatchObject({
    code: 'log-unreachable',
    message: 'append to p.raw/0: no answer for 20 s',
  });
  await vi.advanceTimersByTimeAsync(20_000);
  await ended;
  expect(await untilAnswered(Promise.resolve(7), 'append')).toBe(7);
  expect(vi.getTimerCount()).toBe(0);
});
