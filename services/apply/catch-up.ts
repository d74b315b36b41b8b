import { routeName } from '../../core/mapping.js';
import type { LogRecord } from '../../platform/event-log/port.js';
import { recordsEnd } from '../../platform/event-log/records-end.js';
import { TableStandsElsewhere } from './adapters/barrier.js';
import { areOthersBehind } from './adapters/checkpoint.js';
import { haltTable, readTableStates, type Stop, tableCaughtUp } from './adapters/table-state.js';
import { BatchFailed, type PartitionOptions, PartitionRun, READ_BYTES } from './apply-partition.js';
import { planCatchUp } from './plan-run.js';
import { ChangeDue } from './table-gate.js';
import type { WaitsForOthers } from './waits-for-others.js';

/** Of a table's own changes a batch holds what any batch does; what of others lies between is read, and kept nowhere. */
const READ_PER_BATCH = 8;

export interface CatchUpOptions extends PartitionOptions {
  /** What a table waits with for other partitions. */
  readonly waitsOf: (source: string) => WaitsForOthers;
}

/**
 * Applies what the tables that an operator has resumed have missed, up to the checkpoint, one after the other; from
 * there on they go with the others. A table that the target refuses halts again, unless rows of another partition may be why:
 * they may come, and what they are in the way of may be over with more of the table's changes.
 * @returns false when the signal fired before all of them had, or one waits: they go on from where they have come to.
 */
export async function catchUpTables(options: CatchUpOptions): Promise<boolean> {
  const { target, claim, logger, schema } = options;
  const ours = options.mappings.filter((mapping) => mapping.target.schema === schema);
  const states = await readTableStates(target, claim);
  let waits = false;
  for (const source of ours.map(routeName).sort()) {
    const stop = states.get(source)?.stop;
    if (stop?.state !== 'catching-up') continue;
    logger.info({ ...claim.at, table: source, offset: stop.offset }, 'a table catches up');
    const ended = await catchUpTable(options, source, stop);
    if (options.signal.aborted) return false;
    waits ||= ended === 'waits';
    if (ended !== 'caught up') continue;
    await tableCaughtUp(target, claim, source);
    logger.info({ ...claim.at, table: source }, 'a table has caught up');
  }
  return !waits;
}

async function catchUpTable(
  given: CatchUpOptions,
  source: string,
  stop: Stop,
): Promise<'caught up' | 'waits' | 'halts'> {
  const { target, claim, logger } = given;
  const waits = given.waitsOf(source);
  waits.startsAt(stop.position);
  const options = { ...given, mayTake: (error: unknown) => given.mayTake(error, waits) };
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
    return 'caught up';
  } catch (error) {
    if (!isRefused(error) && !(error instanceof TableStandsElsewhere)) throw error;
    const { message, remedy } = error.reason;
    const stands = await again();
    if (isRefused(error) && (await mayPass(given, waits, error))) {
      logger.info({ ...claim.at, table: source }, `${message}; waiting for other partitions`);
      return 'waits';
    }
    await haltTable(target, claim, source, { ...stands, reason: { kind: 'refused', message, remedy } });
    logger.error({ ...claim.at, table: source, remedy }, `the table halts: ${message}`);
    return 'halts';
  }
}

async function mayPass(
  { target, claim, partitions }: PartitionOptions,
  waits: WaitsForOthers,
  { reason, position }: BatchFailed,
): Promise<boolean> {
  if (!waits.isOfOthers(reason)) return false;
  waits.foundBehind(await areOthersBehind(target, claim, partitions, position));
  return waits.mayPass(reason);
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
  const { log, claim, signal, batchMaxBytes } = options;
  const run = new PartitionRun(options, await planCatchUp(options, source, stop), isFolding);
  const end = Math.min(await recordsEnd(log, claim.at), claim.progress.nextOffset + 1);
  let offset = stop.offset;
  const bytes = { own: 0, all: 0 };
  while (offset < end && !signal.aborted) {
    const records = await log.read({ ...claim.at, offset }, { maxBytes: READ_BYTES, waitMs: 1_000, signal });
    for (const record of records) {
      if (record.offset >= end) break;
      const before = run.changes;
      await readOrStop(run, record);
      bytes.all += record.value.length;
      if (run.changes > before) bytes.own += record.value.length;
    }
    offset = (records.at(-1)?.offset ?? offset - 1) + 1;
    // As much as may be is folded: the target sees nothing then of values that a row had for a while only.
    const isFull = bytes.own >= batchMaxBytes || bytes.all >= READ_PER_BATCH * batchMaxBytes;
    if (!isFull && (isFolding || !run.isComplete)) continue;
    await run.writeNow();
    bytes.own = bytes.all = 0;
  }
  if (!signal.aborted) await run.endHere(offset);
}
