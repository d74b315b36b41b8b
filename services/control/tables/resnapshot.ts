import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { type Lsn, parseLsn } from '../../../core/lsn.js';
import { domainSchemas, routesOf, type TableMapping } from '../../../core/mapping.js';
import { MESSAGE } from '../../../core/record.js';
import { displayName, formatQualifiedName } from '../../../core/relation.js';
import { formatResnapshotOrder } from '../../../core/resnapshot-order.js';
import { CAPTURE_STATE, type CaptureState } from '../../../core/stage-state.js';
import { partitionsOf, sourceObjectName, topicsOf } from '../../../core/topics.js';
import { appliedThrough, readAppliedPoints } from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { readSlot } from '../../../platform/read-slot.js';
import { readServing } from '../cutover/journal.js';
import { refuseRolledOut } from '../rollout/rollout.js';
import { holdForSnapshot } from './stop-and-go.js';

export interface ResnapshotSides {
  readonly source: ClientBase;
  readonly target: ClientBase;
  readonly log: EventLog;
}

/**
 * Orders a table to be copied again. The order goes into the source's WAL: where it stands among the changes is exact,
 * and no crash loses it. Until apply comes there it passes over the table, so that nothing of before can halt it.
 * @returns where the order stands.
 * @throws FerryError `not-ready` while a part of the users reads from the target, or when nobody would read the order.
 */
export async function orderResnapshot(
  { source, target, log }: ResnapshotSides,
  pipeline: LoadedPipeline,
  mapping: TableMapping,
): Promise<Lsn> {
  const slot = sourceObjectName(pipeline.name);
  if (!(await readSlot(source, slot))) {
    throw new FerryError('not-ready', `the source has no slot ${slot}, so nobody would read the order`, {
      remedy: 'Start the pipeline: ferry up; or where the slot is lost, ferry resync.',
    });
  }
  await refuseGone(log, mapping);
  await refuseRolledOut(target, pipeline.name);
  for (const route of routesOf(pipeline.tables, mapping)) await holdForSnapshot(target, pipeline, route);
  return emitOrder(source, pipeline, mapping);
}

/** @returns where the order stands in the WAL. */
export async function emitOrder(source: ClientBase, { name }: LoadedPipeline, mapping: TableMapping): Promise<Lsn> {
  const order = formatResnapshotOrder({ pipeline: name, table: displayName(mapping.source) });
  const { rows } = await source.query<{ lsn: string }>(
    'SELECT pg_catalog.pg_logical_emit_message(true, $1, $2) AS lsn',
    [MESSAGE.resnapshot, order],
  );
  return parseLsn(rows[0]!.lsn);
}

/** @throws FerryError `not-ready` once the target serves: its rows are the applications' then. */
export async function refuseServing(
  target: ClientBase,
  pipeline: LoadedPipeline,
  mapping: TableMapping,
): Promise<void> {
  const { rows } = await target.query<{ there: string }>("SELECT to_regclass('ferry.cutover') IS NOT NULL AS there");
  if (rows[0]!.there !== 't' || (await readServing(target, pipeline.name)) !== 'target') return;
  throw new FerryError('not-ready', `the new project serves: ${displayName(mapping.target)} has its own changes now`, {
    remedy: 'A table can be copied again before the cutover only.',
  });
}

async function refuseGone(log: EventLog, { source }: TableMapping): Promise<void> {
  const capture = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  const gone = capture?.tables[displayName(source)]?.gone;
  if (!gone) return;
  throw new FerryError('not-ready', `the source table ${formatQualifiedName(source)} was ${gone}: it is not captured`, {
    remedy: 'See ferry table list.',
  });
}

/** @returns whether apply has come to the order within the time. */
export async function waitForBeginning(
  target: ClientBase,
  pipeline: LoadedPipeline,
  mapping: TableMapping,
  { order, withinMs }: { readonly order: Lsn; readonly withinMs: number },
): Promise<boolean> {
  const { domain } = topicsOf(pipeline.name, pipeline.mappingVersion);
  const topics = domainSchemas(routesOf(pipeline.tables, mapping)).map(domain);
  const partitions = partitionsOf(topics, pipeline.log.partitions);
  const deadline = performance.now() + withinMs;
  for (;;) {
    const through = appliedThrough(await readAppliedPoints(target, pipeline.name), partitions);
    if (through !== undefined && through > order) return true;
    if (performance.now() > deadline) return false;
    await sleep(100);
  }
}
