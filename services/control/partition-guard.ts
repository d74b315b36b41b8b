import type { ClientBase } from 'pg';
import { toFerryError } from '../../core/errors.js';
import { otherWay } from '../../core/way-back.js';
import type { ServiceContext } from '../../platform/service.js';
import { guardPartitions, type TombstonePlace } from './rollout/users/tombstones.js';

/** Hardly any: whoever fills a new partition would be held up by each look. */
const LOCK_MS = 20;
/** Control says again what is not mended. */
const SAY_EVERY_MS = 60_000;

/** In a rollout's mode users: partitions that have come since refuse TRUNCATE as the others do. */
export class PartitionGuard {
  readonly #context: Pick<ServiceContext, 'pipeline' | 'logger'>;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(context: Pick<ServiceContext, 'pipeline' | 'logger'>) {
    this.#context = context;
  }

  async look(source: ClientBase, target: ClientBase): Promise<void> {
    const { name } = this.#context.pipeline;
    // One attempt: the next look comes soon, and nobody truncates what another one writes to.
    const signal = AbortSignal.abort();
    await this.#guard({ client: source, side: 'source', pipeline: otherWay(name), signal });
    await this.#guard({ client: target, side: 'target', pipeline: name, signal });
  }

  async #guard(place: TombstonePlace): Promise<void> {
    try {
      await guardPartitions(place, LOCK_MS);
    } catch (error) {
      if (performance.now() - this.#saidAt < SAY_EVERY_MS) return;
      this.#saidAt = performance.now();
      const { message } = toFerryError(error);
      this.#context.logger.warn(
        { side: place.side, message },
        'a partition that came since does not refuse TRUNCATE yet',
      );
    }
  }
}
