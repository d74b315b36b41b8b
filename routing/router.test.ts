import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isFenced } from './fence.js';
import { everythingAt, type Flag, type Side } from './rollout.js';
import { FlagRouter, StaleFlagError, type StalenessOptions, UserMovingError } from './router.js';

const fenced = () => Object.assign(new Error('schemaferry: public.users is being cut over'), { code: '40001' });

interface RouterSetUp extends StalenessOptions {
  readonly value?: Side;
  readonly serving?: Side;
  readonly percent?: number;
}

/** In the mode users, where routers may know half a second late. */
const USERS: Flag = { serving: 'source', percent: 0, mode: 'users', routersWithinMs: 500 };

/** A router over a flag that the test sets. */
function routerOver({ value, serving, percent, ...staleness }: RouterSetUp = {}) {
  let tell: (flag: Flag) => void = () => {};
  const watch = {
    value: value && everythingAt(value),
    ageMs: value ? 0 : Number.POSITIVE_INFINITY,
    isFailing: false,
    reads: 0,
    /** What a read finds. */
    onRead: () => {},
    async refresh() {
      this.reads += 1;
      this.onRead();
    },
    async close() {},
  };
  const router = new FlagRouter({ pipeline: 'shop', overrides: { serving, percent }, ...staleness }, (onValue) => {
    tell = onValue;
    return watch;
  });
  const set = (flag: Flag) => {
    watch.value = flag;
    watch.ageMs = 0;
    tell(flag);
  };
  return {
    router,
    watch,
    set,
    flip: (side: Side, percent = 0) => set({ ...everythingAt(side), percent }),
  };
}

test('an override decides without asking the flag', async () => {
  const { router, watch } = routerOver({ value: 'source', serving: 'target' });
  expect([await router.serving(), await router.refresh()]).toEqual(['target', 'target']);
  expect(await router.route('u')).toEqual({ reads: 'target', writes: 'target' });
  expect(watch.reads).toBe(0);
});

test('route sends the reads of a share of users ahead of the flag, and everybody behind it', async () => {
  const { router, flip } = routerOver({ value: 'source' });
  const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
  const routes = () => Promise.all(users.map((user) => router.route(user)));
  const sides = async (of: 'reads' | 'writes') => new Set((await routes()).map((route) => route[of]));
  flip('source', 50);
  const before = await routes();
  expect(await sides('reads')).toEqual(new Set(['source', 'target']));
  expect(await sides('writes')).toEqual(new Set(['source']));
  expect(await routes()).toEqual(before);
  flip('target');
  expect(await sides('reads')).toEqual(new Set(['target']));
  expect(await sides('writes')).toEqual(new Set(['target']));
});

test("the environment's percentage takes the place of the flag's, zero too", async () => {
  const none = routerOver({ value: 'source', percent: 0 });
  none.flip('source', 100);
  expect(await none.router.route('u')).toEqual({ reads: 'source', writes: 'source' });
  const all = routerOver({ value: 'source', percent: 100 });
  expect(await all.router.route('u')).toEqual({ reads: 'target', writes: 'source' });
});

test('pools gives the pool that the route names', async () => {
  const { router, flip } = routerOver({ value: 'source' });
  const pools = router.pools({ source: 'old pool', target: 'new pool' });
  flip('source', 100);
  expect([await pools.reads('u'), await pools.writes('u')]).toEqual(['new pool', 'old pool']);
  flip('target');
  expect([await pools.reads('u'), await pools.writes('u')]).toEqual(['new pool', 'new pool']);
});

describe('a flag that could not be read for longer than the bound', () => {
  const stale = async (options: StalenessOptions, at: Side = 'target') => {
    const set = routerOver({ value: at, maxStalenessMs: 1_000, ...options });
    await set.router.serving();
    set.watch.ageMs = 1_001;
    set.watch.isFailing = true;
    return set;
  };

  test('is an error, in every call that needs it', async () => {
    const { router } = await stale({});
    const pools = router.pools({ source: 1, target: 2 });
    const calls = [
      () => router.serving(),
      () => router.route('u'),
      () => pools.reads('u'),
      () => pools.writes('u'),
      () => router.run(async (side) => side),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(StaleFlagError);
    await expect(router.serving()).rejects.toThrow('the flag of the pipeline shop could not be read for 1001 ms');
  });

  test('is the configured side where there is one, for reads and writes of all users', async () => {
    const { router, flip, watch } = await stale({ whenStale: 'source' });
    flip('source', 100);
    watch.ageMs = 1_001;
    expect(await router.route('u')).toEqual({ reads: 'source', writes: 'source' });
    const other = await stale({ whenStale: 'target' }, 'source');
    expect(await other.router.route('u')).toEqual({ reads: 'target', writes: 'target' });
  });

  test('counts again once it is read', async () => {
    const { router, flip } = await stale({});
    flip('target');
    expect(await router.serving()).toBe('target');
  });

  test('is what it was up to the bound', async () => {
    const { router, watch } = await stale({});
    watch.ageMs = 1_000;
    expect(await router.serving()).toBe('target');
  });

  test('is read at once where it is old without a failure: the process stood still', async () => {
    const { router, watch } = await stale({});
    watch.isFailing = false;
    watch.onRead = () => {
      watch.value = everythingAt('source');
      watch.ageMs = 0;
    };
    expect(await router.serving()).toBe('source');
  });

  test('and that was never read, is as unknown', async () => {
    await expect(routerOver().router.serving()).rejects.toThrow('could not be read yet');
    expect(await routerOver({ whenStale: 'source' }).router.serving()).toBe('source');
  });
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
  const unsubscribe = router.onChange(({ serving }) => told.push(serving));
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

describe('in the mode users', () => {
  const moving = (options: StalenessOptions = {}) => {
    const set = routerOver({ maxStalenessMs: 500, ...options });
    set.set({ ...USERS, to: 100 });
    return set;
  };

  test('a call for a user on the way waits for the next flag, reads and transactions alike', async () => {
    const { router, set } = moving();
    const pools = router.pools({ source: 'old pool', target: 'new pool' });
    const ended: string[] = [];
    const calls = [pools.reads('u'), router.run(async (side) => side, { userId: 'u' })].map(async (call) => {
      ended.push(await call);
    });
    expect(await pools.writes()).toBe('old pool');
    await sleep(20);
    expect(ended).toEqual([]);
    set({ ...USERS, percent: 100 });
    await Promise.all(calls);
    expect(ended.sort()).toEqual(['new pool', 'target']);
  });

  test('it waits no longer than it may, and says so as a database does that wants a transaction again', async () => {
    const { router } = moving({ holdMs: 20 });
    const error = await router.route('u').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserMovingError);
    expect(error).toMatchObject({ code: '40001', message: expect.stringContaining('for 20 ms') });
  });

  test('a router that may be older than others allow for routes nothing', async () => {
    const { router } = moving({ maxStalenessMs: 501 });
    await expect(router.route('u')).rejects.toThrow('maxStalenessMs is 501');
  });

  test('no percentage but that of the flag counts', async () => {
    const { router, set } = routerOver({ percent: 100, maxStalenessMs: 500 });
    set(USERS);
    await expect(router.route('u')).rejects.toThrow('V2_ROLLOUT_PERCENTAGE');
  });

  test('an old flag is an error, whichever side is configured', async () => {
    const { router, watch, set } = moving({ whenStale: 'source' });
    set(USERS);
    expect(await router.route('u')).toEqual({ reads: 'source', writes: 'source' });
    Object.assign(watch, { ageMs: 501, isFailing: true });
    await expect(router.route('u')).rejects.toThrow(StaleFlagError);
  });
});
