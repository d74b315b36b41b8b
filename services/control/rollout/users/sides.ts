import type { ClientBase } from 'pg';
import { FerryError } from '../../../../core/errors.js';
import { domainSchemas } from '../../../../core/mapping.js';
import { partitionsOf, sourceObjectName, topicsOf } from '../../../../core/topics.js';
import { isWayBack } from '../../../../core/way-back.js';
import type { LoadedPipeline } from '../../../../platform/load-pipeline.js';
import { classifyUnnamed } from '../../../../platform/postgres.js';
import { readSlot } from '../../../../platform/read-slot.js';
import { limitedTo } from '../../../../platform/time-limit.js';
import { waitUntilDrained, writeMarker } from '../../cutover/marker.js';
import type { Running } from '../../cutover/options.js';
import { refuseStanding } from './standing.js';

/** Both projects, and the pipelines between them. */
export interface UserSides {
  readonly pipeline: LoadedPipeline;
  readonly back: Running | undefined;
  /** The old project. */
  readonly source: ClientBase;
  /** The new one, through the session that has the coordinator's lock. */
  readonly target: ClientBase;
  readonly signal: AbortSignal;
  /** Is told what is under way, for people. */
  readonly onStep: (step: string) => void;
  /** Runs work on sessions of its own: the command's may be what failed. Its session of the new project ends, and with it its lock. */
  readonly anew: <T>(work: (sessions: Pick<UserSides, 'source' | 'target'>) => Promise<T>) => Promise<T>;
}

/** Longer than any lag at which a rollout may go up. */
const DRAINED_WITHIN_MS = 60_000;

/**
 * Resolves once all that is committed in a pipeline's source now is applied, and on the target's disk.
 * @throws FerryError `not-ready` when that takes too long, or never comes, or of changes that apply has passed over.
 */
export async function drain(
  pipeline: LoadedPipeline,
  { from, to, signal }: { readonly from: ClientBase; readonly to: ClientBase; readonly signal: AbortSignal },
): Promise<void> {
  const { name, tables, log, mappingVersion } = pipeline;
  const slot = sourceObjectName(name);
  if (!(await readSlot(from, slot))) {
    throw new FerryError('not-ready', `the pipeline ${name} cannot go on: its replication slot ${slot} is lost`, {
      remedy: `${wayOut(name)}.`,
    });
  }
  const marker = await writeMarker(from, 'rollout');
  const partitions = partitionsOf(domainSchemas(tables).map(topicsOf(name, mappingVersion).domain), log.partitions);
  const until = limitedTo(DRAINED_WITHIN_MS, signal);
  await waitUntilDrained(to, name, partitions, marker, until).catch((cause: unknown) => {
    const { code, message } = classifyUnnamed(cause);
    throw new FerryError(code, message, {
      remedy: `See what keeps it: ferry status -c ${pipeline.directory}. Where it can never go on: ${wayOut(name)}.`,
      cause,
    });
  });
  await refuseStanding(to, pipeline);
  // Apply does not wait for the disk. A commit that does takes with it all that was committed before.
  await to.query("SET synchronous_commit = 'on'");
  await writeMarker(to, 'rollout');
}

/** What ends the mode although a direction cannot go on. */
function wayOut(pipeline: string): string {
  const way = isWayBack(pipeline) ? 'back' : 'forward';
  return `ferry rollout --mode reads --percent 0 --abandon ${way} --reason TEXT takes all users to the old project without it`;
}

/** Resolves once the clocks of both servers have passed what either shows now. */
export async function passBothClocks(sides: Pick<UserSides, 'source' | 'target'>): Promise<void> {
  const clocks = [await readClock(sides.source), await readClock(sides.target)];
  for (const client of [sides.source, sides.target]) {
    await client.query(
      `SELECT pg_catalog.pg_sleep(greatest(0, 0.001 +
         extract(epoch FROM greatest($1::timestamptz, $2::timestamptz) - pg_catalog.clock_timestamp())))`,
      clocks,
    );
  }
}

async function readClock(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ now: string }>('SELECT pg_catalog.clock_timestamp() AS now');
  return rows[0]!.now;
}
