import { setTimeout as sleep } from 'node:timers/promises';
import { formatQualifiedName } from '../core/relation.js';
import { runFerry } from '../test/support/cli.js';
import type { Random } from '../test/support/random.js';
import type { World } from './world.js';

const BETWEEN_MS = [2_000, 8_000] as const;
const PAUSED_MS = [300, 5_000] as const;
const AGAIN_MS = 500;

/** `ferry` says so where there is nothing to do. */
const USAGE = 2;

/** A person at the command line: lets tables stand and go on, and tries again what was set aside. */
export class Operator {
  readonly #world: World;
  readonly #random: Random;
  readonly #said: (what: string) => void;
  readonly #done: Promise<void>;
  readonly #stop = new AbortController();

  /** @param said told what was done. */
  constructor(world: World, random: Random, said: (what: string) => void) {
    this.#world = world;
    this.#random = random;
    this.#said = said;
    this.#done = this.#operate();
    this.#done.catch(() => {});
  }

  /** Resolves once no table stands any more by its hand. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #operate(): Promise<void> {
    while (await this.#waited(BETWEEN_MS)) {
      if (this.#random.next() < 0.3) await this.#retry();
      else await this.#pause();
    }
  }

  async #retry(): Promise<void> {
    const { code } = await this.#ferry('dead-letter', 'retry', '--all');
    if (code === 0 || code === 3) this.#said('retry dead letters');
  }

  async #pause(): Promise<void> {
    const table = formatQualifiedName(this.#random.pick(this.#world.config.tables).source);
    if ((await this.#ferry('table', 'pause', table)).code === 0) this.#said('pause a table');
    await this.#waited(PAUSED_MS);
    // Whether or not it was told that the table stands.
    for (;;) {
      const { code } = await this.#ferry('table', 'resume', table);
      if (code === 0 || code === USAGE) return;
      await sleep(AGAIN_MS);
    }
  }

  #ferry(...args: readonly string[]) {
    return runFerry([...args, '-c', this.#world.config.directory], this.#world.env);
  }

  /** @returns false when it is to stop. */
  async #waited([least, most]: readonly [number, number]): Promise<boolean> {
    const { signal } = this.#stop;
    await sleep(this.#random.int(least, most), undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}
