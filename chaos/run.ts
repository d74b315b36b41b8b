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
  const end = new AbortController();
  const faults: Record<string, number> = {};
  try {
    for (const service of world.services) service.start();
    const writers = new Writers(world, seed);
    const keeper = new Keeper(world);
    const copied = journalWhenCopied(world);
    copied.catch(() => {});
    const random = new Random(seed + 1);
    const inject = (next: () => Fault) =>
      injectUntil(end.signal, random, next, (name) => {
        faults[name] = (faults[name] ?? 0) + 1;
        say(name);
      });
    const injecting = Promise.all([
      inject(() => randomServiceFault(world, random)),
      inject(() => randomServerFault(world, random)),
    ]);
    await Promise.race([sleep(options.seconds * 1_000), injecting]);
    end.abort();
    await injecting;
    await writers.stop();
    say(`${writers.transactions} transactions; comparing`);
    const problems = await copied.then((id) => judge(world, id)).catch((error: Error) => [error.message]);
    const restarts = await keeper.stop();
    for (const problem of problems) say(problem);
    return { ok: problems.length === 0, problems, transactions: writers.transactions, faults, restarts };
  } finally {
    end.abort();
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
  #restarts = 0;

  constructor(world: World) {
    this.#done = this.#keep(world);
  }

  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#done;
    return this.#restarts;
  }

  async #keep({ services }: World): Promise<void> {
    while (!this.#isStopped) {
      for (const service of services.filter(({ hasFailed }) => hasFailed)) {
        this.#restarts += 1;
        service.start();
      }
      await sleep(500);
    }
  }
}
