import { CAPTURE_STATE, type CaptureState } from '../../core/stage-state.js';
import type { Pipeline } from './pipeline.js';

/** Waits until capture has looked at the partitions of a table as they are now, and has put that down. */
export async function untilLookedAt(pipeline: Pipeline, table: string): Promise<void> {
  const { rows } = await pipeline.source.query<{ xid: string }>('SELECT pg_catalog.pg_current_xact_id() AS xid');
  await using log = await pipeline.openLog();
  await pipeline.until('capture to look at the partitions', async () => {
    const state = (await log.control.get(CAPTURE_STATE)) as CaptureState;
    return Number(state.tables[table]!.horizon ?? 0) > Number(rows[0]!.xid);
  });
}
