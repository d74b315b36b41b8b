import { FerryError } from '../core/errors.js';
import { changedTables, contentsOf, joined, VERSION_PREFIX, type VersionRecord } from '../core/mapping-version.js';
import { displayName, type QualifiedName } from '../core/relation.js';
import type { EventLog } from './event-log/port.js';
import type { LoadedPipeline } from './load-pipeline.js';

/** By version, what the domain topics were made by; empty before transform's first start. */
export async function readVersions(log: EventLog): Promise<Map<number, VersionRecord>> {
  const entries = await log.control.entries(VERSION_PREFIX);
  return new Map(
    [...entries].map(([key, value]) => [Number(key.slice(VERSION_PREFIX.length)), value as VersionRecord]),
  );
}

export async function putVersion(log: EventLog, version: number, record: VersionRecord): Promise<void> {
  await log.control.put(`${VERSION_PREFIX}${version}`, record);
}

/**
 * Refuses a mapping that is not the one that the domain topics were made by: rows of before and of now would stand in
 * one topic. That of a way back may be written anew: its topics have nothing of before the cutover.
 * @returns what the topics were made by; undefined where nothing is recorded yet.
 * @throws FerryError `mapping-changed` naming the tables.
 */
export async function refuseChangedMapping(
  log: EventLog,
  { mappingVersion, tables, wayBackOf }: LoadedPipeline,
): Promise<VersionRecord | undefined> {
  const versions = await readVersions(log);
  const record = versions.get(mappingVersion);
  if (wayBackOf || versions.size === 0) return record;
  if (!record) throw refusal(`the log has nothing of version ${mappingVersion} of the mapping`);
  if (record.state === 'filling') throw refusal(`version ${mappingVersion} of the mapping is still being made`);
  if (record.state === 'gone') throw refusal(`version ${mappingVersion} of the mapping was followed by another one`);
  const changed = changedTables(record.tables, tables);
  if (changed.length === 0) return record;
  const names = changed.map(({ source, target }) => `${source} -> ${target}`);
  throw refusal(`the mapping has changed since version ${mappingVersion} of it began, in ${names.join(', ')}`);
}

function refusal(message: string): FerryError {
  return new FerryError('mapping-changed', message);
}

/**
 * What transform does before it writes: puts down what the topics of its version are made by, or looks whether they are.
 * @throws FerryError `mapping-changed`.
 */
export async function takeMappingVersion(log: EventLog, pipeline: LoadedPipeline): Promise<void> {
  const record = await refuseChangedMapping(log, pipeline);
  const now = contentsOf(pipeline.tables);
  const tables = record && !pipeline.wayBackOf ? joined(record.tables, now) : now;
  if (JSON.stringify(record?.tables) === JSON.stringify(tables)) return;
  await putVersion(log, pipeline.mappingVersion, { tables, state: 'ready' });
}

/** A table that was taken out of the pipeline begins anew, with whatever mapping, when it is added again. */
export async function forgetMapped(log: EventLog, version: number, source: QualifiedName): Promise<void> {
  const record = (await readVersions(log)).get(version);
  if (!record) return;
  const tables = record.tables.filter((table) => table.source !== displayName(source));
  await putVersion(log, version, { ...record, tables });
}
