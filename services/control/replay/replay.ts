import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { domainSchemas } from '../../../core/mapping.js';
import { ofPartition, partitionsOf, type TopicPartition, topicsOf } from '../../../core/topics.js';
import { readAppliedPoints } from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';

export interface ReplayProgress {
  /** Records applied, of those that the log had when the replay began. */
  readonly done: number;
  readonly total: number;
}

/** Where each partition of the domain topics ends now: what a replay has to reach. */
export async function domainEnds(log: EventLog, pipeline: LoadedPipeline): Promise<PartitionEnd[]> {
  const topics = domainSchemas(pipeline.tables).map(topicsOf(pipeline.name).domain);
  const partitions = partitionsOf(topics, pipeline.log.partitions);
  return Promise.all(partitions.map(async (at) => ({ ...at, end: await log.endOffset(at) })));
}

export interface PartitionEnd extends TopicPartition {
  /** Offset behind the last record. */
  readonly end: number;
}

/**
 * Waits until apply has reached the given ends.
 * @throws FerryError `not-ready` when it stands still for `stallMs`.
 */
export async function waitUntilReplayed(
  target: ClientBase,
  pipeline: LoadedPipeline,
  ends: readonly PartitionEnd[],
  options: { signal: AbortSignal; stallMs: number; onProgress: (progress: ReplayProgress) => void },
): Promise<void> {
  const total = ends.reduce((sum, { end }) => sum + end, 0);
  let best = { done: -1, at: performance.now() };
  for (;;) {
    options.signal.throwIfAborted();
    const points = await readAppliedPoints(target, pipeline.name);
    const done = ends.reduce((sum, at) => sum + Math.min(at.end, ofPartition(points, at)?.nextOffset ?? 0), 0);
    options.onProgress({ done, total });
    if (done === total) return;
    if (done > best.done) best = { done, at: performance.now() };
    if (performance.now() - best.at > options.stallMs) {
      throw new FerryError(
        'not-ready',
        `apply has stood still at ${done} of ${total} records for ${options.stallMs / 1_000} s`,
        {
          remedy: 'Look at `ferry status` for why apply does not run.',
        },
      );
    }
    await sleep(100);
  }
}
