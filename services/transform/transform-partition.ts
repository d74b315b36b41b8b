import { setTimeout as sleep } from 'node:timers/promises';
import { formatLsn } from '../../core/lsn.js';
import { domainSchemas } from '../../core/mapping.js';
import { type TransformState, transformStateKey } from '../../core/stage-state.js';
import { partitionName, topicsOf } from '../../core/topics.js';
import type { Batch, EventLog, LogRecord } from '../../platform/event-log/port.js';
import { failpoint } from '../../platform/failpoint.js';
import type { ServiceContext } from '../../platform/service.js';
import { type Recovered, recover } from './recover.js';
import { Router } from './router.js';

/** What one append to the domain topics may hold: bounds memory, and is far beyond what latency ever waits for. */
const READ_BYTES = 4 * 1024 * 1024;

/** One partition, until the signal fires. Begun again, it finds its place in the ends of the domain topics. */
export async function transformPartition(context: ServiceContext, partition: number): Promise<void> {
  const { pipeline, log, signal, logger } = context;
  const topics = topicsOf(pipeline.name);
  const schemas = domainSchemas(pipeline.tables);
  const recovered = await recover(log, topics, schemas, partition);
  const router = new Router({ tables: pipeline.tables, ...recovered });
  const state = new StateKeeper(log, partition, recovered, router);
  logger.info({ partition, rawOffset: recovered.rawOffset, domains: schemas.length }, 'transforming');
  const stop = new AbortController();
  const states = state.putEachSecond(AbortSignal.any([signal, stop.signal]));
  // `states` is awaited at the end, or its failure ends the loop.
  states.catch(() => stop.abort());
  try {
    const read = (offset: number) =>
      log.read({ topic: topics.raw, partition, offset }, { maxBytes: READ_BYTES, waitMs: 1_000, signal });
    let next: Promise<LogRecord[]> = read(recovered.rawOffset);
    while (!signal.aborted && !stop.signal.aborted) {
      const records = await next;
      const offset = records.at(-1)?.offset;
      if (offset === undefined) {
        next = read(state.rawOffset);
        continue;
      }
      // The next records come while these are appended.
      next = read(offset + 1);
      next.catch(() => {});
      const before = router.changes;
      for (const record of records) router.take(record.value);
      const output = router
        .takeRecords()
        .map(({ schema, values }): Batch => ({ topic: topics.domain(schema), partition, values }));
      const ends = await log.append(output);
      failpoint('transform.appended');
      context.passed(router.changes - before);
      state.appended(offset + 1, output, ends);
    }
  } finally {
    stop.abort();
    await states;
  }
  await state.put();
}

/** Puts down each second where the output stood and what was counted by then. */
class StateKeeper {
  readonly #log: EventLog;
  readonly #partition: number;
  readonly #recovered: Recovered;
  readonly #router: Router;
  #state: TransformState | undefined;
  rawOffset: number;

  constructor(log: EventLog, partition: number, recovered: Recovered, router: Router) {
    this.#log = log;
    this.#partition = partition;
    this.#recovered = recovered;
    this.#router = router;
    this.rawOffset = recovered.rawOffset;
  }

  /** @param ends by batch: the offset behind it. */
  appended(rawOffset: number, batches: readonly Batch[], ends: readonly number[]): void {
    this.rawOffset = rawOffset;
    const { next, tallies } = this.#recovered;
    for (const [i, batch] of batches.entries()) next.set(partitionName(batch), ends[i]!);
    if (this.#state) return;
    this.#state = {
      next: Object.fromEntries(next),
      through: formatLsn(this.#router.through),
      time: this.#router.throughTime,
      taken: Object.fromEntries(tallies.taken),
      filtered: Object.fromEntries(tallies.filtered),
      transformed: Object.fromEntries(tallies.transformed),
    };
  }

  async putEachSecond(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.put();
      await sleep(1_000, undefined, { signal }).catch(() => {});
    }
  }

  async put(): Promise<void> {
    const state = this.#state;
    this.#state = undefined;
    if (state) await this.#log.control.put(transformStateKey(this.#partition), state);
  }
}
