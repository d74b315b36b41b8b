import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../test/support/random.js';
import { type Fault, randomServerFault, randomServiceFault } from './faults.js';
import { journalWhenCopied, judge } from './judge.js';
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

/**
 * Random transactions while services, servers and networks break at random; then source, target and a target rebuilt
 * from the log must be equal. The same seed, here and for the world, makes the same tables, transactions and faults, though not at the same
 * moments.
 */
export async function chaos(world: World, options: ChaosOptions): Promise<Verdict> {
  const { seed, say } = options;
  const faults: Record<string, number> = {};
  for (const service of world.services) service.start();
  const writers = new Writers(world, seed);
  const keeper = new Keeper(world);
  const copied = journalWhenCopied(world);
  copied.catch(() => {});
  try {
    await breakThings(world, options, (name) => {
      faults[name] = (faults[name] ?? 0) + 1;
      say(name);
    });
    await writers.stop();
    say(`${writers.transactions} transactions; comparing`);
    const problems = await copied.then((id) => judge(world, id)).catch((error: Error) => [error.message]);
    for (const problem of problems) say(problem);
    const { transactions } = writers;
    return { ok: problems.length === 0, problems, transactions, faults, restarts: keeper.restarts };
  } finally {
    await Promise.allSettled([writers.stop(), keeper.stop()]);
  }
}

/** Services and servers break independently of each other, and all is whole again when this is over. */
async function breakThings(world: World, { seconds, seed }: ChaosOptions, done: (name: string) => void): Promise<void> {
  const random = new Random(seed + 1);
  const end = new AbortController();
  const injecting = [randomServiceFault, randomServerFault].map((next) =>
    injectUntil(end.signal, random, () => next(world, random), done),
  );
  try {
    await Promise.race([sleep(seconds * 1_000), ...injecting]);
  } finally {
    end.abort();
    await Promise.all(injecting);
  }
}

async function injectUntil(
  signal: AbortSignal,
  random: Random,
  next: () => Fault,
  done: (name: string) => void,
): Promise<void> {
  for (;;) {
    await sleep(random.int(200, 3_000), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const { name, run } = next();
    done(name);
    await run();
  }
}

/** Starts a service again that has ended by itself, as a supervisor does. */
class Keeper {
  readonly #done: Promise<void>;
  #isStopped = false;
  /** So far. */
  restarts = 0;

  constructor(world: World) {
    this.#done = this.#keep(world);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #keep({ services }: World): Promise<void> {
    while (!this.#isStopped) {
      for (const service of services.filter(({ hasFailed }) => hasFailed)) {
        this.restarts += 1;
        service.start();
      }
      await sleep(500);
    }
  }
}
