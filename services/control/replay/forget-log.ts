import type { ClientBase } from 'pg';
import { domainSchemas } from '../../../core/mapping.js';
import { sourceObjectName, topicsOf } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { readVersions } from '../../../platform/mapping-version.js';

/** Drops what the source keeps for a pipeline; dropped before, it stays so. */
export async function dropSlot(source: ClientBase, pipeline: string): Promise<void> {
  await source.query(
    'SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1',
    [sourceObjectName(pipeline)],
  );
}

/** Deletes a pipeline's topics, those of every version of its mapping: its services must not run. */
export async function deleteLog(log: EventLog, { name, mappingVersion, tables }: LoadedPipeline): Promise<void> {
  const { raw, control } = topicsOf(name);
  const domains = domainSchemas(tables).map(topicsOf(name, mappingVersion).domain);
  for (const [version, record] of await readVersions(log)) {
    domains.push(...record.tables.map(({ schema }) => topicsOf(name, version).domain(schema)));
  }
  await log.deleteTopics([raw, ...new Set(domains), control]);
}
