import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, type Lsn, parseLsn } from '../../../core/lsn.js';
import { MESSAGE } from '../../../core/record.js';
import type { TopicPartition } from '../../../core/topics.js';
import { appliedThrough, readAppliedPoints } from '../../../platform/control-schema.js';

/**
 * Writes two markers into the WAL, one behind the other's commit. A transaction that ends behind the second one's
 * record was committed after the first: once that is applied, so is everything that was committed before this call.
 * @returns the LSN of the second marker.
 */
export async function writeMarker(source: ClientBase, run: string): Promise<Lsn> {
  const emit = async () => {
    const { rows } = await source.query<{ lsn: string }>(
      'SELECT pg_catalog.pg_logical_emit_message(true, $1, $2) AS lsn',
      [MESSAGE.marker, run],
    );
    return parseLsn(rows[0]!.lsn);
  };
  await emit();
  return emit();
}

/** Resolves once every one of the partitions has been applied beyond the LSN. */
export async function waitUntilDrained(
  target: ClientBase,
  pipeline: string,
  partitions: readonly TopicPartition[],
  marker: Lsn,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const through = appliedThrough(await readAppliedPoints(target, pipeline), partitions);
    if (through !== undefined && through > marker) return;
    if (signal.aborted) {
      const reached = through === undefined ? 'nothing' : formatLsn(through);
      throw new FerryError(
        'not-ready',
        `the pipeline ${pipeline} has applied up to ${reached}, not to the marker at ${formatLsn(marker)}`,
        { remedy: 'See what keeps it: ferry status with -c of its directory.' },
      );
    }
    await sleep(5);
  }
}
