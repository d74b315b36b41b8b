import { setTimeout as sleep } from 'node:timers/promises';
import { formatLsn } from '../../core/lsn.js';
import { domainSchemas } from '../../core/mapping.js';
import { partitionGroups } from '../../core/partition-groups.js';
import { positionToJson } from '../../core/position.js';
import { type TransformState, transformStateKey } from '../../core/stage-state.js';
import { partitionName, topicsOf } from '../../core/topics.js';
import type { Batch, EventLog, LogRecord } from '../../platform/event-log/port.js';
import { failpoint } from '../../platform/failpoint.js';
import { partitionOfGroup } from '../../platform/partition-of-key.js';
import { readRemovedTables } from '../../platform/removed-tables.js';
import { ruleKitOf } from '../../platform/rule-kit.js';
import type { ServiceContext } from '../../platform/service.js';
import { type Recovered, recover } from './recover.js';
import { Router } from './router.js';

/** What it works with; who runs it need not be a service. */
export type TransformContext = Pick<ServiceContext, 'pipeline' | 'log' | 'logger' | 'signal' | 'passed'>;

/** What one append to the domain topics may hold: bounds memory, and is far beyond what latency ever waits for. */
const READ_BYTES = 4 * 1024 * 1024;

/** One partition, until the signal fires. Begun again, it finds its place in the ends of the domain topics. */
export async function transformPartition(context: TransformContext, partition: number): Promise<void> {
  const { pipeline, log, signal, logger } = context;
  const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
  const schemas = domainSchemas(pipeline.tables);
  const recovered = await recover(log, topics, schemas, partition);
  const removed = await readRemovedTables(log);
  const groups = partitionGroups(pipeline.tables);
  const isMisplaced = (source: string) => {
    const group = groups.get(source);
    return group !== undefined && partitionOfGroup(group, pipeline.log.partitions) !== partition;
  };
  const kit = await ruleKitOf(pipeline);
  const router = new Router({ tables: pipeline.tables, kit, ...recovered, removed, isMisplaced });
  const key = transformStateKey(partition, topics.version);
  const state = new StateKeeper(log, key, recovered, router);
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
        state.quiet();
        next = read(state.rawOffset);
        continue;
      }
      // The next records come while these are appended.
      next = read(offset + 1);
      next.catch(() => {});
      const { changes, markers } = router;
      for (const record of records) router.take(record.value);
      const output = router
        .takeRecords()
        .map(({ schema, values }): Batch => ({ topic: topics.domain(schema), partition, values }));
      await failpoint('transform.read');
      const ends = await log.append(output);
      await failpoint('transform.appended');
      context.passed(router.changes - changes);
      state.appended(offset + 1, output, ends);
      // Who waits for a marker reads the ledger next, and what is filtered stands nowhere else.
      if (router.markers > markers) await state.putLast();
    }
  } finally {
    stop.abort();
    await states;
  }
  await state.putLast();
}

/** Puts down each second where the output stood and what was counted by then. */
class StateKeeper {
  readonly #log: EventLog;
  readonly #key: string;
  readonly #recovered: Recovered;
  readonly #router: Router;
  #state: TransformState | undefined;
  /** As of the last state. */
  #statedOffset: number;
  rawOffset: number;

  constructor(log: EventLog, key: string, recovered: Recovered, router: Router) {
    this.#log = log;
    this.#key = key;
    this.#recovered = recovered;
    this.#router = router;
    this.rawOffset = recovered.rawOffset;
    this.#statedOffset = recovered.rawOffset;
  }

  /** @param ends by batch: the offset behind it. */
  appended(rawOffset: number, batches: readonly Batch[], ends: readonly number[]): void {
    this.rawOffset = rawOffset;
    const { next } = this.#recovered;
    for (const [i, batch] of batches.entries()) next.set(partitionName(batch), ends[i]!);
    this.#state ??= this.#now();
  }

  /** Nothing follows: others learn of the last appends, too. */
  quiet(): void {
    if (this.rawOffset > this.#statedOffset) this.#state ??= this.#now();
  }

  /** As of the last append. */
  #now(): TransformState {
    const { next, tallies } = this.#recovered;
    this.#statedOffset = this.rawOffset;
    return {
      raw: Math.max(this.rawOffset, this.#recovered.countedBefore),
      counted: positionToJson(this.#router.countedThrough),
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

  /** To the last record: what is filtered stands nowhere else. */
  async putLast(): Promise<void> {
    if (this.rawOffset > this.#recovered.rawOffset) this.#state = this.#now();
    await this.put();
  }

  async put(): Promise<void> {
    const state = this.#state;
    this.#state = undefined;
    if (!state) return;
    await failpoint('transform.state-due');
    await this.#log.control.put(this.#key, state);
  }
}
