import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import { type Tally, tallyRecord } from '../../core/ledger.js';
import { displayName } from '../../core/relation.js';
import type { EventLog } from '../../platform/event-log/port.js';
import type { Logger } from '../../platform/logger.js';
import { classify } from '../../platform/postgres.js';
import { Barrier } from './adapters/barrier.js';
import { advanceCheckpoint, type Claim, readProgress } from './adapters/checkpoint.js';
import { emptyTables } from './adapters/empty-tables.js';
import { dropSuperseded } from './adapters/letter-store.js';
import { forgetTable, readTableStates, recordCopyBeginning } from './adapters/table-state.js';
import { readHome } from './adapters/target-catalog.js';
import type { SnapshotDue } from './snapshot-due.js';

export interface BeginOptions {
  readonly target: pg.Client;
  readonly claim: Claim;
  readonly log: EventLog;
  /** Of the topic. */
  readonly partitions: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const READ_BYTES = 4 * 1024 * 1024;

/**
 * Empties a table whose snapshot begins again, and moves the checkpoint past that place, in one transaction. What stood
 * of the table stands no more: its rows come anew, so dead letters of it and changes that were not applied are dropped.
 * Everything before that place is committed.
 */
export async function beginSnapshot(options: BeginOptions, due: SnapshotDue): Promise<void> {
  const { target, claim, logger } = options;
  const { source, position, offset } = due;
  await target.query('ROLLBACK');
  const skipped = await countSkipped(options, due);
  // Where the table stands does not matter: what it has missed comes anew.
  const isOurs = !due.everywhere || (await new Barrier(target, claim, options).pass({ position, sources: [] }));
  await target.query('BEGIN');
  if (isOurs) await beginAnew(target, claim, due);
  await forgetTable(target, claim, source);
  await recordCopyBeginning(target, claim, source, position);
  const table = displayName(due.relation);
  const before = await readProgress(target, claim);
  const applied = { source, target: table, count: 1, deadLettered: 0, dropped: skipped };
  await advanceCheckpoint(target, claim, { ...before, nextOffset: offset, position }, new Map([[source, applied]]));
  await target.query('COMMIT');
  logger.info({ ...claim.at, table: source, skipped }, 'the table is copied again: it was emptied');
}

async function beginAnew(target: pg.Client, claim: Claim, { source, relation }: SnapshotDue): Promise<void> {
  const table = await readHome(target, relation);
  if (!table) {
    throw new FerryError('target-unfit', `the target has no table ${displayName(relation)}, which is copied again`, {
      details: { table: displayName(relation) },
    });
  }
  const { pipeline, at } = claim;
  await dropSuperseded(target, { pipeline, topic: at.topic, source, by: 'ferry table resnapshot' });
  await emptyTables(target, [{ table }], false).catch((error: unknown) => {
    const found = classify('target', error, `emptying ${displayName(relation)}, which is copied again`);
    throw found.code === 'internal' ? new FerryError('apply-failed', found.message, { cause: error }) : found;
  });
}

/** Changes of a table that stood, from where it stood up to here: nobody applies them. */
async function countSkipped({ target, claim, log }: BeginOptions, due: SnapshotDue): Promise<number> {
  const stop = (await readTableStates(target, claim)).get(due.source)?.stop;
  if (!stop) return 0;
  const tally: Tally = new Map();
  for (let offset = stop.offset; offset <= due.offset; ) {
    const records = await log.read({ ...claim.at, offset }, { maxBytes: READ_BYTES, waitMs: 0 });
    for (const record of records) tallyRecord(record.value, tally, stop.position, due.position);
    offset = (records.at(-1)?.offset ?? due.offset) + 1;
  }
  return tally.get(due.source) ?? 0;
}
