import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, type Lsn } from '../../../core/lsn.js';
import { domainSchemas, type TableMapping } from '../../../core/mapping.js';
import { partitionsOf, topicsOf } from '../../../core/topics.js';
import { appliedThrough, readAppliedPoints } from '../../../platform/control-schema.js';
import { classify } from '../../../platform/postgres.js';

/** How verification learns that the target has caught up with something that it read from the source. */
export interface AppliedProbe {
  /**
   * Resolves once the target holds every source transaction that ends at or before `lsn`.
   * @throws FerryError `not-ready` when apply stands still; the signal's reason when it aborts.
   */
  waitUntilApplied(lsn: Lsn, signal: AbortSignal): Promise<void>;
}

export interface AppliedProbeOptions {
  readonly pipeline: string;
  readonly mappingVersion: number;
  /** The mapped tables: each of their domain schemas must have come so far. */
  readonly tables: readonly TableMapping[];
  /** Of each topic. */
  readonly partitions: number;
  /** Far below the second between two heartbeats, and next to nothing for the target. */
  readonly pollIntervalMs?: number;
  /** Many heartbeats long: what stands still for so long does not run. */
  readonly stallTimeoutMs?: number;
}

/** Reads the pipeline's checkpoints in the target. The client stays the caller's. */
export function appliedProbe(target: ClientBase, options: AppliedProbeOptions): AppliedProbe {
  const { pipeline, mappingVersion, pollIntervalMs = 25, stallTimeoutMs = 60_000 } = options;
  const topics = domainSchemas(options.tables).map(topicsOf(pipeline, mappingVersion).domain);
  const partitions = partitionsOf(topics, options.partitions);
  const readApplied = async (): Promise<Lsn | undefined> => {
    try {
      return appliedThrough(await readAppliedPoints(target, pipeline), partitions);
    } catch (error) {
      throw classify('target', error, `the checkpoints of pipeline ${pipeline}`);
    }
  };
  return {
    async waitUntilApplied(lsn, signal) {
      let applied = await readApplied();
      let movedAt = performance.now();
      while (applied === undefined || applied < lsn) {
        if (performance.now() - movedAt > stallTimeoutMs) throw stalled(pipeline, lsn, applied, stallTimeoutMs);
        signal.throwIfAborted();
        await sleep(pollIntervalMs);
        const now = await readApplied();
        if (now !== applied) movedAt = performance.now();
        applied = now;
      }
    },
  };
}

function stalled(pipeline: string, lsn: Lsn, applied: Lsn | undefined, stallTimeoutMs: number): FerryError {
  const lag = applied === undefined ? 'nothing is applied yet' : `lag ${lsn - applied} bytes`;
  return new FerryError(
    'not-ready',
    `rows differ, and whether they are only late cannot be told: apply of pipeline ${pipeline} has not moved for ` +
      `${stallTimeoutMs / 1000} s and stands before ${formatLsn(lsn)} (${lag})`,
    {
      details: { pipeline, lsn: formatLsn(lsn), applied: applied === undefined ? undefined : formatLsn(applied) },
      remedy: '`ferry status` shows which service stands still; start it with `ferry up`, then verify again.',
    },
  );
}
