import { type Lsn, parseLsn } from '../core/lsn.js';
import { REMOVED_PREFIX, type Removal } from '../core/stage-state.js';
import type { EventLog } from './event-log/port.js';

/** By source table: before which LSN what the log has of it may be left out. */
export type RemovedTables = ReadonlyMap<string, Lsn>;

export async function readRemovedTables(log: EventLog): Promise<RemovedTables> {
  const entries = await log.control.entries(REMOVED_PREFIX);
  return new Map(
    [...entries].map(([key, value]) => [key.slice(REMOVED_PREFIX.length), parseLsn((value as Removal).lsn)]),
  );
}
