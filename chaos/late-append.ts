import { domainSchemas } from '../core/mapping.js';
import { partitionsOf, type TopicPartition, topicsOf } from '../core/topics.js';
import { openLog } from '../platform/event-log/open.js';
import type { Batch, EventLog } from '../platform/event-log/port.js';
import { silentLogger } from '../platform/logger.js';
import { eventually } from '../test/support/eventually.js';
import type { Random } from '../test/support/random.js';
import type { World } from './world.js';

/** Records that come late in a partition, at most. */
const RECORDS = 40;
const READ_BYTES = 1024 * 1024;
/** On a busy machine a broker that crashed takes its time to come back. */
const LOG_BACK_MS = 120_000;

/**
 * Appends what stands at the ends of a service's output once more, as a process does that had sent it, was thought dead,
 * and was replaced by one that has sent it too: over Kafka nothing keeps it out, and who reads must drop it.
 */
export async function appendLate(world: World, service: 'capture' | 'transform', random: Random): Promise<void> {
  const { name, mappingVersion, tables, log: settings } = world.config;
  const topics = topicsOf(name, mappingVersion);
  const written = service === 'capture' ? [topics.raw] : domainSchemas(tables).map(topics.domain);
  for (const at of partitionsOf(written, settings.partitions)) {
    const count = random.int(1, RECORDS);
    const append = async () => {
      world.repeats(service);
      await using log = await openLog(world.config, 'chaos', silentLogger);
      await log.append([await lastOf(log, at, count)]);
      return true;
    };
    // Another writer may be the faster one, and a broker may be away.
    await eventually(append, { what: `a late append to ${at.topic}`, timeoutMs: LOG_BACK_MS });
  }
}

async function lastOf(log: EventLog, at: TopicPartition, count: number): Promise<Batch> {
  const offset = Math.max(0, (await log.endOffset(at)) - count);
  const records = await log.read({ ...at, offset }, { maxBytes: READ_BYTES, waitMs: 0 });
  return { ...at, values: records.map(({ value }) => value) };
}
