import { LSN_ZERO, parseLsn } from '../core/lsn.js';
import { domainSchemas } from '../core/mapping.js';
import { formatPosition, isAfter, POSITION_ZERO, type Position } from '../core/position.js';
import { RecordScanner } from '../core/record-scanner.js';
import type { ServiceName } from '../core/service-report.js';
import { partitionName, partitionsOf, topicsOf } from '../core/topics.js';
import { openLog } from '../platform/event-log/open.js';
import type { EventLog, TopicPartition } from '../platform/event-log/port.js';
import { silentLogger } from '../platform/logger.js';
import type { World } from './world.js';

const READ_BYTES = 4 * 1024 * 1024;

/**
 * Reads the whole log: what a stage appends again after a restart is dropped by the next one, so that only the log
 * shows it. What a process had sent and lost the answer of may come behind what its successor appended; more may not.
 */
export async function repeatedEvents(world: World): Promise<string[]> {
  await using log = await openLog(world.config, 'chaos', silentLogger);
  const { name, mappingVersion, tables, log: settings } = world.config;
  const topics = topicsOf(name, mappingVersion);
  const written: readonly (readonly [ServiceName, readonly string[]])[] = [
    ['capture', [topics.raw]],
    ['transform', domainSchemas(tables).map(topics.domain)],
  ];
  const found: string[] = [];
  for (const [service, names] of written) {
    for (const at of partitionsOf(names, settings.partitions)) {
      const { runs, first } = await repeats(log, at);
      if (runs <= world.mayRepeat(service)) continue;
      found.push(`${partitionName(at)}: ${service} appended ${runs} times what was there before, first ${first}`);
    }
  }
  return found;
}

/** How often events come again, and the first that does. */
async function repeats(log: EventLog, at: TopicPartition): Promise<{ runs: number; first: string }> {
  const seen = { runs: 0, first: '' };
  let isRepeated = false;
  let last = POSITION_ZERO;
  for (let offset = 0; ; ) {
    const records = await log.read({ ...at, offset }, { maxBytes: READ_BYTES, waitMs: 0 });
    if (records.length === 0) return seen;
    for (const { value, offset: at } of records) {
      for (const position of positionsOf(value)) {
        const wasRepeated = isRepeated;
        isRepeated = !isAfter(position, last);
        if (isRepeated && !wasRepeated) seen.runs += 1;
        if (isRepeated) seen.first ||= `${formatPosition(position)} at offset ${at}`;
        else last = position;
      }
    }
    offset = records.at(-1)!.offset + 1;
  }
}

/** Of each event of a record. */
function* positionsOf(record: Buffer): Generator<Position> {
  const scanner = new RecordScanner(record);
  let lsn = LSN_ZERO;
  while (scanner.next()) {
    if (scanner.kind === 'transaction') lsn = parseLsn(scanner.transaction().tx);
    else if (scanner.kind !== 'relation') yield { lsn, index: scanner.index };
  }
}
