import type { Client } from 'pg';
import { type Lsn, parseLsn } from '../../core/lsn.js';
import { domainSchemas } from '../../core/mapping.js';
import { MESSAGE } from '../../core/record.js';
import { partitionsOf, topicsOf } from '../../core/topics.js';
import { appliedThrough, readAppliedPoints } from '../../platform/control-schema.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';

/** @returns an LSN that only a target passes which has applied everything that is committed at the source now. */
export async function emitMarker(source: Client): Promise<Lsn> {
  const { rows } = await source.query<{ lsn: string }>(
    "SELECT pg_catalog.pg_logical_emit_message(true, $1, 'test') AS lsn",
    [MESSAGE.marker],
  );
  return parseLsn(rows[0]!.lsn);
}

/** @returns how far every domain has been applied; undefined before apply has a checkpoint for each. */
export async function appliedInAll(
  { name, mappingVersion, tables, log }: LoadedPipeline,
  target: Client,
): Promise<Lsn | undefined> {
  const topics = domainSchemas(tables).map(topicsOf(name, mappingVersion).domain);
  return appliedThrough(await readAppliedPoints(target, name), partitionsOf(topics, log.partitions));
}
