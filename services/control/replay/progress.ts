import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { domainSchemas, routeName, type TableMapping } from '../../../core/mapping.js';
import { type TransformState, transformStateKey } from '../../../core/stage-state.js';
import { ofPartition, partitionsOf, topicsOf } from '../../../core/topics.js';
import { readAppliedPoints, readStoppedTables, type StoppedTable } from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import { recordsEnd } from '../../../platform/event-log/records-end.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import type { PartitionEnd } from './journal.js';

export interface ReplayProgress {
  /** Records applied, of those that the log had when the replay began. */
  readonly done: number;
  readonly total: number;
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** Whoever does the work may have died: asked again and again while nothing moves. */
  readonly onStill: () => Promise<void>;
  readonly onProgress: (progress: ReplayProgress) => void;
}

/** Longer than a service's report counts as one of now. */
const STILL_MS = 6_000;
/** Far longer than a start or a big transaction takes. */
const STALL_MS = 60_000;
const POLL_MS = 100;

/** Where each partition of the tables' domain topics ends now: what a replay has to reach. */
export async function domainEnds(
  log: EventLog,
  pipeline: LoadedPipeline,
  tables: readonly TableMapping[],
): Promise<PartitionEnd[]> {
  const topics = domainSchemas(tables).map(topicsOf(pipeline.name, pipeline.mappingVersion).domain);
  const partitions = partitionsOf(topics, pipeline.log.partitions);
  return Promise.all(partitions.map(async (at) => ({ ...at, end: await recordsEnd(log, at) })));
}

/**
 * Waits until transform has taken all that the raw topic has now: without the source, no verification would miss it.
 * @throws FerryError `not-ready` when transform stands still.
 */
export async function waitUntilTransformed(
  log: EventLog,
  pipeline: LoadedPipeline,
  options: Pick<WaitOptions, 'signal' | 'onStill'>,
): Promise<void> {
  const { raw } = topicsOf(pipeline.name);
  const { partitions } = pipeline.log;
  const rawEnds = await Promise.all(partitionsOf([raw], partitions).map((at) => recordsEnd(log, at)));
  const total = rawEnds.reduce((sum, end) => sum + end, 0);
  const readTaken = async () => {
    const taken = rawEnds.map(async (end, partition) => {
      const state = (await log.control.get(transformStateKey(partition, pipeline.mappingVersion))) as
        | TransformState
        | undefined;
      return Math.min(end, state?.raw ?? 0);
    });
    return (await Promise.all(taken)).reduce((sum, one) => sum + one, 0);
  };
  await untilAll('transform', readTaken, { ...options, total, onProgress: () => {} });
}

/**
 * Waits until apply has reached the given ends with every table.
 * @throws FerryError `not-ready` when it stands still, or a table does.
 */
export async function waitUntilReplayed(
  target: ClientBase,
  pipeline: string,
  ends: readonly PartitionEnd[],
  options: WaitOptions,
): Promise<void> {
  const total = ends.reduce((sum, { end }) => sum + end, 0);
  const readDone = async () => {
    const points = await readAppliedPoints(target, pipeline);
    const done = ends.reduce((sum, at) => sum + Math.min(at.end, ofPartition(points, at)?.nextOffset ?? 0), 0);
    const isCatchingUp = (await readStoppedTables(target, pipeline)).some(({ state }) => state === 'catching-up');
    // The last record counts once no table is behind the others.
    return done === total && isCatchingUp ? Math.max(0, done - 1) : done;
  };
  await untilAll('apply', readDone, { ...options, total });
  await refuseStanding(target, pipeline);
}

/**
 * Waits until some tables have caught up with the others from the start of the log.
 * @param ends of the topics of their domains.
 * @throws FerryError `not-ready` when apply stands still, or a table does.
 */
export async function waitUntilCaughtUp(
  target: ClientBase,
  { name: pipeline, mappingVersion }: LoadedPipeline,
  { ends, tables }: { readonly ends: readonly PartitionEnd[]; readonly tables: readonly TableMapping[] },
  options: WaitOptions,
): Promise<void> {
  const { domain } = topicsOf(pipeline, mappingVersion);
  const parts = tables.flatMap((table) =>
    ends
      .filter(({ topic }) => topic === domain(table.target.schema))
      .map((at) => ({ ...at, source: routeName(table) })),
  );
  const readDone = async () => {
    const behind = await readCatchingUp(target, pipeline);
    return parts.reduce((sum, at) => {
      const offset = behind.find(({ source, partition }) => source === at.source && partition === at.partition)?.offset;
      // The last record counts once it goes with the others.
      return sum + (offset === undefined ? at.end : Math.min(offset, Math.max(0, at.end - 1)));
    }, 0);
  };
  await untilAll('apply', readDone, { ...options, total: parts.reduce((sum, { end }) => sum + end, 0) });
  const names = new Set(tables.map(routeName));
  await refuseStanding(target, pipeline, ({ source }) => names.has(source));
}

async function readCatchingUp(target: ClientBase, pipeline: string) {
  const { rows } = await target.query<Record<'source_table' | 'partition' | 'stopped_offset', string>>(
    `SELECT source_table, partition, stopped_offset FROM ferry.table_state
      WHERE pipeline = $1 AND state = 'catching-up'`,
    [pipeline],
  );
  return rows.map((row) => ({
    source: row.source_table,
    partition: Number(row.partition),
    offset: Number(row.stopped_offset),
  }));
}

/** @throws FerryError `not-ready` naming a table that was left behind. */
async function refuseStanding(
  target: ClientBase,
  pipeline: string,
  isOurs: (table: StoppedTable) => boolean = () => true,
): Promise<void> {
  const [first, ...others] = (await readStoppedTables(target, pipeline)).filter(isOurs);
  if (!first) return;
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  const why = first.reason ? `: ${first.reason.message}` : '';
  throw new FerryError('not-ready', `the table ${first.source} is ${first.state}${more}${why}`, {
    remedy: `${first.reason?.remedy ?? `ferry table resume ${first.source}.`} Then run the replay again: it goes on.`,
  });
}

async function untilAll(
  service: 'transform' | 'apply',
  readDone: () => Promise<number>,
  { total, signal, onStill, onProgress }: WaitOptions & { readonly total: number },
): Promise<void> {
  let best = { done: -1, at: performance.now() };
  let asked = best.at;
  for (;;) {
    signal.throwIfAborted();
    const done = await readDone();
    onProgress({ done, total });
    if (done >= total) return;
    const now = performance.now();
    if (done > best.done) best = { done, at: now };
    if (now - best.at > STALL_MS) {
      const stands = `${service} has stood still at ${done} of ${total} records for ${STALL_MS / 1_000} s`;
      throw new FerryError('not-ready', stands, {
        remedy: `Look at \`ferry status\` for why ${service} does not run. Then run the replay again: it goes on.`,
      });
    }
    if (now - Math.max(asked, best.at) > STILL_MS) {
      asked = now;
      await onStill();
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}
