import { routeName } from '../../core/mapping.js';
import type { LogRecord } from '../../platform/event-log/port.js';
import { recordsEnd } from '../../platform/event-log/records-end.js';
import { TableStandsElsewhere } from './adapters/barrier.js';
import { haltTable, readTableStates, type Stop, tableCaughtUp } from './adapters/table-state.js';
import { BatchFailed, type PartitionOptions, PartitionRun } from './apply-partition.js';
import { planCatchUp } from './plan-run.js';
import { ChangeDue } from './table-gate.js';

const READ_BYTES = 1024 * 1024;

/**
 * Applies what the tables that an operator has resumed have missed, up to the checkpoint, one after the other; from
 * there on they go with the others. A table that the target refuses halts again.
 * @returns false when the signal fired before all of them had: they go on from where they have come to.
 */
export async function catchUpTables(options: PartitionOptions): Promise<boolean> {
  const { target, claim, logger, schema } = options;
  const ours = options.mappings.filter((mapping) => mapping.target.schema === schema);
  const states = await readTableStates(target, claim);
  for (const source of ours.map(routeName).sort()) {
    const stop = states.get(source)?.stop;
    if (stop?.state !== 'catching-up') continue;
    logger.info({ ...claim.at, table: source, offset: stop.offset }, 'a table catches up');
    const hasHalted = !(await catchUpTable(options, source, stop));
    if (options.signal.aborted) return false;
    if (hasHalted) continue;
    await tableCaughtUp(target, claim, source);
    logger.info({ ...claim.at, table: source }, 'a table has caught up');
  }
  return true;
}

/** @returns false when the table halts again. */
async function catchUpTable(options: PartitionOptions, source: string, stop: Stop): Promise<boolean> {
  const { target, claim, logger } = options;
  const again = async () => {
    await target.query('ROLLBACK');
    return (await readTableStates(target, claim)).get(source)?.stop ?? stop;
  };
  try {
    await catchUp(options, source, stop, true).catch(async (error: unknown) => {
      if (!isRefused(error)) throw error;
      // Change by change: the order that folding had given up may matter, or what is refused may be set aside.
      await catchUp(options, source, await again(), false);
    });
    return true;
  } catch (error) {
    if (!isRefused(error) && !(error instanceof TableStandsElsewhere)) throw error;
    const { message, remedy } = error.reason;
    await haltTable(target, claim, source, { ...(await again()), reason: { kind: 'refused', message, remedy } });
    logger.error({ ...claim.at, table: source, remedy }, `the table halts: ${message}`);
    return false;
  }
}

function isRefused(error: unknown): error is BatchFailed {
  return error instanceof BatchFailed && error.reason.code === 'apply-failed';
}

/** What comes before a change of the table's columns is written first: it stops in front of the change. */
async function readOrStop(run: PartitionRun, record: LogRecord): Promise<void> {
  try {
    run.read(record);
  } catch (error) {
    if (error instanceof ChangeDue) await run.endBefore(error);
    throw error;
  }
}

async function catchUp(options: PartitionOptions, source: string, stop: Stop, isFolding: boolean): Promise<void> {
  const { log, claim, signal } = options;
  const run = new PartitionRun(options, await planCatchUp(options, source, stop), isFolding);
  const end = Math.min(await recordsEnd(log, claim.at), claim.progress.nextOffset + 1);
  let offset = stop.offset;
  while (offset < end && !signal.aborted) {
    const records = await log.read({ ...claim.at, offset }, { maxBytes: READ_BYTES, waitMs: 1_000, signal });
    for (const record of records) if (record.offset < end) await readOrStop(run, record);
    offset = (records.at(-1)?.offset ?? offset - 1) + 1;
    if (run.isFull || run.isComplete) await run.writeNow();
  }
  if (!signal.aborted) await run.endHere(offset);
}
