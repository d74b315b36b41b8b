import { setTimeout as sleep } from 'node:timers/promises';
import type { DoomedProcess } from './doomed-process.js';
import type { World } from './world.js';

const LOOK_EVERY_MS = 100;
/** A service that halted would halt again. */
const HALTED_MS = 1_000;

/** Starts a service again that has ended by itself, as a supervisor does. */
export class Keeper {
  readonly #done: Promise<void>;
  #isStopped = false;
  /** So far. */
  restarts = 0;

  constructor(world: World) {
    this.#done = Promise.all(world.services.map((service) => this.#keep(service))).then(() => {});
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #keep(service: DoomedProcess): Promise<void> {
    while (!this.#isStopped) {
      await sleep(LOOK_EVERY_MS);
      if (!service.hasFailed) continue;
      if ((await service.ended).signal === null) await sleep(HALTED_MS);
      // A fault may have taken it meanwhile.
      if (this.#isStopped || !service.hasFailed) continue;
      this.restarts += 1;
      service.start();
    }
  }
}
