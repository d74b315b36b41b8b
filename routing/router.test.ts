import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isFenced } from './fence.js';
import type { Side } from './rollout.js';
import { FlagRouter } from './router.js';

const fenced = () => Object.assign(new Error('schemaferry: public.users is being cut over'), { code: '40001' });

/** A router over a flag that the test sets. */
function routerOver(options: { value?: Side; serving?: Side; rolloutPercentage?: number } = {}) {
  let tell: (side: Side) => void = () => {};
  const watch = {
    value: options.value as Side | undefined,
    reads: 0,
    async refresh() {
      this.reads += 1;
    },
    async close() {},
  };
  const overrides = { serving: options.serving, rolloutPercentage: options.rolloutPercentage ?? 0 };
  const router = new FlagRouter(overrides, (onValue) => {
    tell = onValue;
    return watch;
  });
  return {
    router,
    watch,
    flip(side: Side) {
      watch.value = side;
      tell(side);
    },
  };
}

test('serves the source until a flag is known', async () => {
  const { router, flip } = routerOver();
  expect(await router.serving()).toBe('source');
  flip('target');
  expect(await router.serving()).toBe('target');
});

test('an override decides without asking the flag', async () => {
  const { router, watch } = routerOver({ value: 'source', serving: 'target' });
  expect([await router.serving(), await router.refresh(), await router.route('u')]).toEqual(Array(3).fill('target'));
  expect(watch.reads).toBe(0);
});

test('route sends the share of users ahead of the flag, and everybody behind it', async () => {
  const { router, flip } = routerOver({ value: 'source', rolloutPercentage: 50 });
  const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
  const before = await Promise.all(users.map((user) => router.route(user)));
  expect(new Set(before)).toEqual(new Set(['source', 'target']));
  expect(await Promise.all(users.map((user) => router.route(user)))).toEqual(before);
  flip('target');
  expect(new Set(await Promise.all(users.map((user) => router.route(user))))).toEqual(new Set(['target']));
});

test('a refused transaction runs again on the other side as soon as the flag flips', async () => {
  const { router, flip } = routerOver({ value: 'source' });
  const sides: Side[] = [];
  const running = router.run(async (side) => {
    sides.push(side);
    if (side === 'source') throw fenced();
    return 'committed';
  });
  await sleep(30);
  flip('target');
  expect(await running).toBe('committed');
  expect(sides.at(-1)).toBe('target');
  expect(sides.slice(0, -1).every((side) => side === 'source')).toBe(true);
});

test('a refused transaction runs again on the same side when the fence is lifted', async () => {
  const { router } = routerOver({ value: 'source' });
  let attempts = 0;
  const result = await router.run(async (side) => {
    attempts += 1;
    if (attempts < 3) throw fenced();
    return side;
  });
  expect([result, attempts]).toEqual(['source', 3]);
});

test('the refusal is thrown after the deadline', async () => {
  const { router } = routerOver({ value: 'source' });
  const refused = router.run(() => Promise.reject(fenced()), { deadlineMs: 50 });
  await expect(refused).rejects.toThrow('is being cut over');
});

test('any other error is thrown at once', async () => {
  const { router } = routerOver({ value: 'source' });
  let attempts = 0;
  const conflict = Object.assign(new Error('could not serialize access'), { code: '40001' });
  await expect(
    router.run(async () => {
      attempts += 1;
      throw conflict;
    }),
  ).rejects.toBe(conflict);
  expect(attempts).toBe(1);
});

test('a change is told until the caller unsubscribes', async () => {
  const { router, flip } = routerOver({ value: 'source' });
  const told: Side[] = [];
  const unsubscribe = router.onChange((side) => told.push(side));
  flip('target');
  await sleep(0);
  unsubscribe();
  flip('source');
  await sleep(0);
  expect(told).toEqual(['target']);
});

test.each([
  [fenced(), true],
  [Object.assign(new Error('refused'), { code: '40001', hint: 'See schemaferry.' }), true],
  [Object.assign(new Error('schemaferry'), { code: '23505' }), false],
  [new Error('schemaferry'), false],
  [null, false],
])('isFenced(%s) is %s', (error, expected) => {
  expect(isFenced(error)).toBe(expected);
});
