import { displayName, type QualifiedName } from '../../../core/relation.js';
import { REMOVED_PREFIX, type Removal } from '../../../core/stage-state.js';
import { sourceObjectName } from '../../../core/topics.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { forgetMapped } from '../../../platform/mapping-version.js';
import type { Sides } from './add-table.js';
import { unpublishTable } from './publish-table.js';
import { forgetCopy } from './stop-and-go.js';
import { takeMapping } from './take-mapping.js';

/**
 * Lets running services work without a table that the mapping does not have any more. What the log has of it by then is
 * left out; what comes behind would be an error. Run again, it goes on where it was cut off.
 * @returns false where the role may not take it out of the publication.
 * @throws FerryError `not-ready` naming a service that does not take the mapping.
 */
export async function removeTable(
  { source, target, log }: Sides,
  pipeline: LoadedPipeline,
  table: QualifiedName,
): Promise<boolean> {
  // Who writes to a topic before who reads it.
  await takeMapping(log, pipeline, ['capture']);
  const { rows } = await source.query<{ lsn: string }>('SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn');
  const removal: Removal = { lsn: rows[0]!.lsn };
  await log.control.put(`${REMOVED_PREFIX}${displayName(table)}`, removal);
  await takeMapping(log, pipeline, ['transform', 'apply', 'control']);
  await forgetMapped(log, pipeline.mappingVersion, table);
  const { rows: found } = await target.query<{ there: string }>(
    "SELECT to_regclass('ferry.table_state') IS NOT NULL AS there",
  );
  if (found[0]!.there === 't') await forgetCopy(target, pipeline, { source: table });
  return unpublishTable(source, sourceObjectName(pipeline.name), table);
}
