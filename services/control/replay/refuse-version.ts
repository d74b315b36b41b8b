import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { oncePerSource } from '../../../core/mapping.js';
import { changedTables, contentsOf, type MappedTable } from '../../../core/mapping-version.js';
import { displayName } from '../../../core/relation.js';
import type { SchemaChange } from '../../../core/schema-change.js';
import { CAPTURE_STATE, type CaptureState } from '../../../core/stage-state.js';
import { partitionName, partitionsOf, topicsOf } from '../../../core/topics.js';
import { readMappingVersion } from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { readVersions, refuseChangedMapping } from '../../../platform/mapping-version.js';
import type { PreflightSides } from '../preflight/context.js';
import { isReady, runPreflight } from '../preflight/run-preflight.js';

/** @throws FerryError `usage` when the target has its rows by this mapping already. */
export async function refuseSameVersion(target: ClientBase, { name, mappingVersion }: LoadedPipeline): Promise<void> {
  if ((await readMappingVersion(target, name)) !== mappingVersion) return;
  throw new FerryError(
    'usage',
    `the target has its rows by version ${mappingVersion} of the mapping, which has not changed`,
    {
      remedy: 'To rebuild it with the same mapping: ferry replay.',
    },
  );
}

/**
 * For a replay by the mapping that is.
 * @throws FerryError `mapping-changed` when that is not what the topics, or the target, have their rows by.
 */
export async function refuseOtherVersion(log: EventLog, target: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  await refuseChangedMapping(log, pipeline);
  const { name, mappingVersion } = pipeline;
  const found = await readMappingVersion(target, name);
  if (found === undefined || found === mappingVersion) return;
  throw new FerryError(
    'mapping-changed',
    `the target has its rows by version ${found} of the mapping, not by version ${mappingVersion}`,
  );
}

/** @throws FerryError `not-ready` when the raw topic does not begin with the snapshot: a rebuild would lack rows. */
export async function refuseShortenedRaw(log: EventLog, { name, log: { partitions } }: LoadedPipeline): Promise<void> {
  for (const at of partitionsOf([topicsOf(name).raw], partitions)) {
    const start = await log.startOffset(at);
    if (start === 0) continue;
    throw new FerryError('not-ready', `${partitionName(at)} begins at offset ${start}: what came before is lost`, {
      remedy: 'Retention or somebody has shortened the log. `ferry resync` copies everything anew.',
    });
  }
}

/**
 * The raw topic has the tables that capture has copied, whatever is made of them: none more, and none that may be left out.
 * @throws FerryError `not-ready` naming the first that the mapping and the raw topic do not share.
 */
export async function refuseOtherTables(log: EventLog, { tables }: LoadedPipeline): Promise<void> {
  const captured = ((await log.control.get(CAPTURE_STATE)) as CaptureState | undefined)?.tables ?? {};
  const mapped = new Set(oncePerSource(tables).map(({ source }) => displayName(source)));
  for (const source of mapped) {
    if (captured[source]?.done) continue;
    if (captured[source]) throw new FerryError('not-ready', `${source} is still being copied`);
    throw new FerryError('not-ready', `the raw topic has nothing of ${source}`, {
      remedy: `Leave it out of the mapping for now; when the replay is done: ferry table add ${source}.`,
    });
  }
  const left = Object.keys(captured).find((source) => !mapped.has(source));
  if (left === undefined) return;
  throw new FerryError('not-ready', `the raw topic has rows of ${left}, and the mapping has not`, {
    remedy: `Put it back into the mapping, then take it out of the pipeline: ferry table remove ${left}.`,
  });
}

/** Tables that the mapping makes something else of than what the target has its rows by. */
export async function tablesThatChange(
  log: EventLog,
  target: ClientBase,
  { name, tables }: LoadedPipeline,
): Promise<MappedTable[]> {
  const version = await readMappingVersion(target, name);
  const before = version === undefined ? undefined : (await readVersions(log)).get(version);
  return before ? changedTables(before.tables, tables) : contentsOf(tables);
}

/**
 * What was decided about changes of a source table's columns is written in the names of the mapping of then, so rows of
 * before cannot be read by it through another one.
 * @throws FerryError `not-ready` naming the first table that changes and has such rows.
 */
export async function refusePastChanges(
  target: ClientBase,
  pipeline: string,
  changing: readonly MappedTable[],
): Promise<void> {
  const { rows } = await target.query<{ source: string; changes: string }>(
    `SELECT split_part(c.source_table, ' -> ', 1) AS source, c.changes FROM ferry.schema_change c
      WHERE c.pipeline = $1 AND c.action <> 'copied again' AND NOT EXISTS (
        SELECT FROM ferry.schema_change a
         WHERE (a.pipeline, a.source_table, a.partition) = (c.pipeline, c.source_table, c.partition)
           AND a.action = 'copied again' AND (a.lsn, a.index) > (c.lsn, c.index))`,
    [pipeline],
  );
  const sources = new Set(changing.map(({ source }) => source));
  // A column that was added is decided about anew.
  const isMore = ({ changes }: { readonly changes: string }) =>
    (JSON.parse(changes) as SchemaChange[]).some(({ kind }) => kind !== 'add-column');
  const found = rows.find((row) => sources.has(row.source) && isMore(row));
  if (!found) return;
  throw new FerryError('not-ready', `the log has rows of ${found.source} from before its columns changed`, {
    remedy: `With mapping/*.yaml as it was: ferry table resnapshot ${found.source}. Replays begin with that copy.`,
  });
}

/** Of starting a pipeline, not of what its mapping makes. */
const OF_A_START = new Set([
  'wal-level',
  'wal-senders',
  'wal-retention',
  'wal-sender-timeout',
  'replication-slot',
  'replication-role',
  'publication',
  'open-transactions',
  'prepared-transactions',
  'fence-privileges',
  'log-disk',
  'disk',
  'target-empty',
]);

/** @throws FerryError `target-unfit` with what `ferry check` would say of mapping and tables. */
export async function refuseUnfit(pipeline: LoadedPipeline, sides: PreflightSides): Promise<void> {
  const findings = (await runPreflight(pipeline, sides)).filter(({ check }) => !OF_A_START.has(check));
  if (isReady(findings)) return;
  const errors = findings.filter(({ level }) => level === 'error');
  throw new FerryError('target-unfit', `the mapping does not fit: ${errors.map(({ message }) => message).join('; ')}`, {
    remedy: errors[0]!.remedy ?? '`ferry check` lists all of it.',
  });
}
