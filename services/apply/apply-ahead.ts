import { recordsEnd } from '../../platform/event-log/records-end.js';
import { type PartitionOptions, PartitionRun, READ_BYTES, readAll } from './apply-partition.js';
import { planRun } from './plan-run.js';

/** So many at once: what is folded is less than what was read. */
const BATCHES = 8;

/**
 * Applies what the log has from the checkpoint on as one large batch. A partition that is ahead may have
 * a value for its row that a row here has for a while only: of what is folded up to where that one is, the target sees
 * nothing of it.
 * @throws as `applyPartition` does; nothing of the batch is in the target then.
 */
export async function applyAhead(options: PartitionOptions): Promise<void> {
  const { log, claim, signal, batchMaxBytes } = options;
  const run = new PartitionRun(options, await planRun(options), true);
  const end = await recordsEnd(log, claim.at);
  let offset = claim.progress.nextOffset;
  let bytes = 0;
  let isEnough = offset >= end;
  while (!signal.aborted && !(isEnough && run.isComplete)) {
    const records = await log.read({ ...claim.at, offset }, { maxBytes: READ_BYTES, waitMs: 1_000, signal });
    await readAll(run, records);
    offset = (records.at(-1)?.offset ?? offset - 1) + 1;
    bytes += records.reduce((sum, { value }) => sum + value.length, 0);
    isEnough ||= bytes >= BATCHES * batchMaxBytes || offset >= end;
    // A transaction that is larger goes on in the target's.
    if (isEnough && !run.isComplete && run.isFull) await run.writeNow();
  }
  await run.finish();
}
