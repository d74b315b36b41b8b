import type { Client } from 'pg';
import { formatLsn, LSN_ZERO, type Lsn } from '../core/lsn.js';
import { domainSchemas } from '../core/mapping.js';
import { ofPartition, partitionName, partitionsOf, topicsOf } from '../core/topics.js';
import { readAppliedPoints, readStoppedTables } from '../platform/control-schema.js';
import { openLog } from '../platform/event-log/open.js';
import { silentLogger } from '../platform/logger.js';
import { endOf } from '../services/control/status/stage-end.js';
import { appliedInAll } from '../test/support/applied.js';
import { whileItMoves } from './while-it-moves.js';
import type { World } from './world.js';

/** @throws Error that says which partitions are behind, and how far they came. */
export async function untilApplied(world: World, target: Client, end: Lsn): Promise<void> {
  await whileItMoves(
    async () => {
      const at = await appliedInAll(world.config, target);
      return at === undefined ? undefined : { at, isDone: at > end };
    },
    async () =>
      new Error(
        `the source is at ${formatLsn(end)}, the target behind: ${(await behind(world, target, end)).join(', ')}`,
      ),
  );
}

async function behind({ config }: World, target: Client, end: Lsn): Promise<string[]> {
  const { name, mappingVersion, tables, log } = config;
  const points = await readAppliedPoints(target, name);
  const topics = domainSchemas(tables).map(topicsOf(name, mappingVersion).domain);
  await using open = await openLog(config, 'chaos', silentLogger);
  const found: string[] = [];
  for (const at of partitionsOf(topics, log.partitions)) {
    const reached = ofPartition(points, at)?.commitEnd ?? LSN_ZERO;
    if (reached > end) continue;
    const ofTopic = (await endOf(open, at))?.through ?? LSN_ZERO;
    found.push(`${partitionName(at)} at ${formatLsn(reached)} of ${formatLsn(ofTopic)}`);
  }
  const standing = await readStoppedTables(target, name);
  return [...found, ...standing.map(({ source, state }) => `${source} is ${state}`)];
}
