import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../test/support/random.js';
import { type Fault, serverFaults, serviceFaults } from './faults.js';
import { judge, untilCopied } from './judge.js';
import { Keeper } from './keeper.js';
import { Operator } from './operator.js';
import type { World } from './world.js';
import { Writers } from './writers.js';

export interface ChaosOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Told what happens, a line each. */
  readonly say: (line: string) => void;
}

export interface Verdict {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly transactions: number;
  /** How often each was done. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often a service had ended, at a failpoint or by itself, and was started again. */
  readonly restarts: number;
}

/** A run has time for what is noticed late. */
const LONG_S = 300;
/** Between two faults of a kind. */
const BETWEEN_MS = [1_000, 4_000] as const;
/** What a run waits for beside its time, it waits for so long at most, ms: a first change, and a death at each failpoint. */
const LONGER_MS = 120_000;
/** Transactions in the target with which the time begins. */
const MOVING = 10;

/**
 * Random transactions while services, servers and networks break at random; then source, target and a target rebuilt
 * from the log must be equal. The same seed, here and for the world, makes the same tables, transactions and faults, though not at the same
 * moments.
 */
export async function chaos(world: World, options: ChaosOptions): Promise<Verdict> {
  const { seed, say } = options;
  const faults: Record<string, number> = {};
  const did = (name: string) => {
    faults[name] = (faults[name] ?? 0) + 1;
    say(name);
  };
  for (const service of world.services) service.start();
  const writers = new Writers(world, seed, did);
  const keeper = new Keeper(world);
  const operator = new Operator(world, new Random(seed + 2), did);
  try {
    await breakThings(world, writers, options, did);
    world.plan.end();
    await Promise.all([writers.stop(), operator.stop()]);
    say(`${writers.transactions} transactions; comparing`);
    const problems = [
      ...(await verdictOf(world)),
      ...(options.seconds < LONG_S ? [] : world.plan.missing.map((place) => `no process died at ${place}`)),
    ];
    for (const problem of problems) say(problem);
    await Promise.all(world.processes.map((process) => process.hear()));
    const { transactions } = writers;
    const done = { ...faults, ...world.plan.done };
    return { ok: problems.length === 0, problems, transactions, faults: done, restarts: keeper.restarts };
  } finally {
    await Promise.allSettled([writers.stop(), operator.stop(), keeper.stop()]);
  }
}

async function verdictOf(world: World): Promise<string[]> {
  try {
    await untilCopied(world);
    return await judge(world);
  } catch (error) {
    return [`${(error as Error).message}; ${await complaints(world)}`];
  }
}

async function complaints({ services }: World): Promise<string> {
  const said = services.map(async (service) => `${service.service}: ${(await service.complaint()) ?? 'no complaint'}`);
  return (await Promise.all(said)).join('; ');
}

/** Services and servers break independently of each other, and all is whole again when this is over. */
async function breakThings(
  world: World,
  writers: Writers,
  { seconds, seed }: ChaosOptions,
  done: (name: string) => void,
): Promise<void> {
  const random = new Random(seed + 1);
  const end = new AbortController();
  const all = [serviceFaults(world, random), serverFaults(world, random, { isLong: seconds >= LONG_S })];
  const injecting = all.map((faults) => injectUntil(end.signal, random, faults, done));
  try {
    await Promise.race([untilDone(world, writers, seconds), ...injecting]);
  } finally {
    end.abort();
    await Promise.all(injecting);
  }
}

async function untilDone({ plan }: World, writers: Writers, seconds: number): Promise<void> {
  // On a busy machine minutes pass before anything moves, and what stands meets no fault.
  for (const end = performance.now() + LONGER_MS; writers.applied < MOVING && performance.now() < end; )
    await sleep(200);
  await sleep(seconds * 1_000);
  if (seconds < LONG_S) return;
  for (const end = performance.now() + LONGER_MS; plan.missing.length > 0 && performance.now() < end; ) {
    await sleep(200);
  }
}

/** One after the other, in another order each time: none comes twice before all have come. */
async function injectUntil(
  signal: AbortSignal,
  random: Random,
  faults: readonly Fault[],
  done: (name: string) => void,
): Promise<void> {
  for (;;) {
    for (const { name, run } of random.shuffled(faults)) {
      await sleep(random.int(...BETWEEN_MS), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      done(name);
      await run();
    }
  }
}
