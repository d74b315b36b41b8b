import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import type { TableMapping } from '../../core/mapping.js';
import { formatPosition, justBefore, type Position } from '../../core/position.js';
import type { SchemaChangePolicy } from '../../core/schema-change.js';
import type { EventLog, LogRecord } from '../../platform/event-log/port.js';
import type { Logger } from '../../platform/logger.js';
import { classify } from '../../platform/postgres.js';
import { TableStandsElsewhere } from './adapters/barrier.js';
import { CarefulWriter } from './adapters/careful-writer.js';
import type { Claim } from './adapters/checkpoint.js';
import {
  AT_COMMIT_REMEDY,
  type DatabaseErrorFields,
  placeAtCommit,
  refusedColumn,
  withoutValue,
} from './adapters/refused-column.js';
import { StepWriter } from './adapters/step-writer.js';
import { StandingChanged, TargetWriter } from './adapters/target-writer.js';
import type { TwoWay } from './adapters/two-way.js';
import { Batch, type Progress, type TableStep } from './batch.js';
import { BatchReader } from './batch-reader.js';
import { planRun, type RunPlan } from './plan-run.js';
import { SnapshotDue } from './snapshot-due.js';
import type { Arrival } from './table-gate.js';
import type { WaitsForOthers } from './waits-for-others.js';

export interface PartitionOptions {
  readonly log: EventLog;
  readonly target: pg.Client;
  readonly claim: Claim;
  readonly schema: string;
  readonly mappings: readonly TableMapping[];
  /** What follows on a change of a source table's columns. */
  readonly policy: (source: string) => SchemaChangePolicy;
  readonly batchMaxBytes: number;
  /** Of the topic. */
  readonly partitions: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly passed: (changes: number) => void;
  /** Throws once the partition is another's, or an operator took it back: asked while there is nothing to write. */
  readonly stillOurs: () => Promise<void>;
  /** Whether a change that the target refuses so is set aside; what may not be ends the run. @param waits of a table that catches up. */
  readonly mayTake: (error: unknown, waits?: WaitsForOthers) => boolean;
  readonly deadLetterLimit: number;
  /** Where applications write to the target, too. */
  readonly twoWay?: TwoWay | undefined;
}

/** Of one read of the log. */
export const READ_BYTES = 1024 * 1024;

/**
 * Applies one partition from its checkpoint on: while one batch is being written the next one is read and folded, so
 * that a batch is a transaction under no load and thousands under much.
 * @returns what was applied, when the signal fires.
 * @throws the error of the batch that could not be written; nothing of it is in the target.
 */
export async function applyPartition(options: PartitionOptions): Promise<void> {
  const { claim, signal } = options;
  await refuseShorterLog(options);
  const run = new PartitionRun(options, await planRun(options), true);
  let offset = claim.progress.nextOffset;
  let reading: Promise<LogRecord[]> | undefined;
  try {
    while (!signal.aborted) {
      run.writeWhenIdle();
      if (run.isFull) {
        await run.writing;
        continue;
      }
      reading ??= options.log.read({ ...claim.at, offset }, { maxBytes: READ_BYTES, waitMs: 1_000, signal });
      const records = await (run.writing ? Promise.race([reading, run.writing]) : reading);
      if (!records) continue;
      reading = undefined;
      // Not behind statements of a batch: one that fails takes what follows in its transaction with it.
      if (records.length === 0 && !run.writing) await options.stillOurs();
      await readAll(run, records);
      offset = (records.at(-1)?.offset ?? offset - 1) + 1;
    }
    await run.finish();
  } finally {
    await reading?.catch(() => {});
    await run.writing?.catch(() => {});
  }
}

/**
 * Applies again what could not be written as a batch, change by change: either the order that folding had given up
 * was what mattered, and it succeeds, or the change that the target refuses is found and named. With several partitions
 * each change is committed.
 * @param end offset up to which the failed batch had been read.
 */
export async function applyOneByOne(options: PartitionOptions, end: number): Promise<Progress> {
  await refuseShorterLog(options);
  const run = new PartitionRun(options, await planRun(options), false);
  let offset = options.claim.progress.nextOffset;
  // On to the next commit behind the failed batch.
  while (!options.signal.aborted && (offset < end || !run.isComplete)) {
    const records = await options.log.read(
      { ...options.claim.at, offset },
      { maxBytes: 1, waitMs: 1_000, signal: options.signal },
    );
    await readAll(run, records);
    offset = (records.at(-1)?.offset ?? offset - 1) + 1;
    await run.writeNow();
  }
  return run.progress;
}

/** What comes before a snapshot that begins again is written first: its table is emptied behind it. */
export async function readAll(run: PartitionRun, records: readonly LogRecord[]): Promise<void> {
  try {
    for (const record of records) run.read(record);
  } catch (error) {
    if (error instanceof SnapshotDue) {
      await run.writing;
      await run.endBefore(error);
    }
    throw error;
  }
}

/** One run's reader, batch and writer. */
export class PartitionRun {
  readonly #options: PartitionOptions;
  readonly #reader: BatchReader;
  readonly #writer: TargetWriter;
  readonly #isFolding: boolean;
  #batch: Batch;
  writing: Promise<undefined> | undefined;

  constructor(options: PartitionOptions, plan: RunPlan, isFolding: boolean) {
    const { target, claim, mayTake, deadLetterLimit: limit, twoWay } = options;
    const { standing } = plan;
    const steps = new StepWriter(target, plan.copied);
    const careful = isFolding
      ? undefined
      : new CarefulWriter(target, steps, { standing, mayTake, limit, marks: twoWay?.marks });
    this.#options = options;
    // What another partition waits for must not stand uncommitted here.
    const reading = isFolding ? { standing } : { commitsEach: options.partitions > 1 };
    this.#reader = new BatchReader(plan.start.position, plan.gate, {
      ...reading,
      until: plan.until,
      isTimed: twoWay !== undefined,
    });
    this.#writer = new TargetWriter(target, claim, { steps, place: plan.place, careful, twoWay });
    this.#isFolding = isFolding;
    this.#batch = new Batch(plan.start, isFolding);
  }

  get isFull(): boolean {
    return this.#batch.bytes >= this.#options.batchMaxBytes;
  }

  get isComplete(): boolean {
    return this.#batch.isComplete;
  }

  get progress(): Progress {
    return this.#batch.progress;
  }

  /** That were read and not written yet. */
  get changes(): number {
    return this.#batch.changes;
  }

  read(record: LogRecord): void {
    try {
      this.#reader.read(record.value, record.offset, this.#batch);
    } catch (error) {
      throw this.#unreadable(record.offset, error);
    }
  }

  /** Begins to write the batch, if it may end here or is full, and nothing is being written. */
  writeWhenIdle(): void {
    if (this.writing || this.#batch.isEmpty || !(this.#batch.isComplete || this.isFull)) return;
    this.writing = this.writeNow().then(() => {
      this.writing = undefined;
      return undefined;
    });
    this.writing.catch(() => {});
  }

  async writeNow(): Promise<void> {
    const batch = this.#batch;
    // A transaction that is still open goes on in the next batch.
    this.#batch = new Batch(batch.progress, this.#isFolding, batch);
    try {
      await this.#writer.write(batch);
    } catch (error) {
      if (error instanceof StandingChanged || error instanceof TableStandsElsewhere) throw error;
      const position = this.#refusedAt(batch);
      throw new BatchFailed(batch.progress.nextOffset, position, await this.#describe(batch, position, error));
    }
    this.#options.passed(batch.changes);
  }

  /** Writes what is left, though a source transaction may go on. */
  async endHere(offset: number): Promise<void> {
    this.#reader.endHere(offset, this.#batch);
    await this.writeNow();
  }

  /** Writes what came before a place. */
  async endBefore({ offset, position }: Arrival): Promise<void> {
    this.#batch.progress = { ...this.#batch.progress, nextOffset: offset, position: justBefore(position) };
    this.#batch.isComplete = true;
    await this.writeNow();
  }

  /** Writes what is left, if it ends with a transaction; what does not is read again at the next start. */
  async finish(): Promise<void> {
    await this.writing;
    if (!this.#batch.isEmpty && this.#batch.isComplete) await this.writeNow();
  }

  /** A change that does not fit the target's tables: which one it is, for the operator. */
  #unreadable(offset: number, error: unknown): unknown {
    if (!(error instanceof FerryError)) return error;
    const { topic, partition } = this.#options.claim.at;
    return new FerryError(error.code, `${error.message}; ${topic}/${partition} has rows for it at offset ${offset}`, {
      details: { ...error.details, topic, partition, offset },
      remedy: error.remedy,
      cause: error,
    });
  }

  /** Where the change stands that is written; where that is not known, the end of the batch. */
  #refusedAt(batch: Batch): Position {
    const written = this.#written();
    return (written && batch.origins.get(written)?.place.position) ?? batch.progress.position;
  }

  async #describe(batch: Batch, position: Position, error: unknown): Promise<FerryError> {
    const { topic, partition } = this.#options.claim.at;
    const { nextOffset } = batch.progress;
    // One by one, a batch is one record.
    const offset = this.#isFolding ? `before offset ${nextOffset}` : `at offset ${nextOffset - 1}`;
    const where = `${topic}/${partition} ${offset}, position ${formatPosition(position)}`;
    const { host, port, database } = this.#options.target;
    const found = classify('target', error, `applying ${where} to ${host}:${port}/${database}`);
    if (found.code !== 'internal') return found;
    const { isCommitting } = this.#writer;
    const { code, constraint, message } = error as DatabaseErrorFields & { message: string };
    const { table, column } = isCommitting ? placeAtCommit(error as DatabaseErrorFields) : await this.#place(error);
    const place = [
      isCommitting && 'at COMMIT',
      table && `table ${table}`,
      column && `column ${column}`,
      code && `SQLSTATE ${code}`,
    ];
    return new FerryError(
      'apply-failed',
      `the target refuses ${[where, ...place].filter(Boolean).join(', ')}: ${withoutValue(message, code)}`,
      {
        details: { topic, partition, offset: nextOffset - 1, sqlstate: code, table, column, constraint },
        ...(isCommitting ? { remedy: AT_COMMIT_REMEDY } : {}),
        cause: error,
      },
    );
  }

  /** What the error is about. */
  #written(): TableStep | undefined {
    const { step } = this.#writer;
    const written = step?.kind === 'everywhere' ? step.step : step;
    return written?.kind === 'checkpoint' || written?.kind === 'letter' ? undefined : written;
  }

  /** The table and the column that the target refused. */
  async #place(error: unknown): Promise<{ table?: string; column?: string }> {
    const step = this.#written();
    if (!step) return {};
    const table = tableOf(step);
    // Only where the batch is down to the change itself: of many rows the first one found need not be the one.
    if (this.#isFolding) return { table };
    const { target } = this.#options;
    await target.query('ROLLBACK').catch(() => {});
    await target.query('BEGIN').catch(() => {});
    const column = await refusedColumn(target, step, error as DatabaseErrorFields).catch(() => undefined);
    await target.query('ROLLBACK').catch(() => {});
    return { table, column };
  }
}

/** A log that was lost and begun anew would be read from an offset that means something else now. */
async function refuseShorterLog({ log, claim }: PartitionOptions): Promise<void> {
  const { topic } = claim.at;
  const end = await log.endOffset(claim.at);
  const { nextOffset } = claim.progress;
  if (end >= nextOffset) return;
  throw new FerryError(
    'log-foreign',
    `${topic} ends at offset ${end}, but the target has applied it up to ${nextOffset}`,
    {
      details: { topic, end, nextOffset },
      remedy: 'This is not the log that filled the target: bring that one back, or start with an empty target.',
    },
  );
}

function tableOf(step: TableStep): string {
  switch (step.kind) {
    case 'changes':
    case 'counts':
      return step.set.shape.name;
    case 'move':
      return step.move.shape.name;
    case 'rows':
      return step.block.shape.name;
    case 'truncate':
      return step.shapes.map((shape) => shape.name).join(' ');
    default:
      return step satisfies never;
  }
}

/** A batch that the target refused, with the offset where its records end, and the position of what was refused. */
export class BatchFailed extends Error {
  readonly end: number;
  readonly position: Position;
  readonly reason: FerryError;

  constructor(end: number, position: Position, reason: FerryError) {
    super(reason.message, { cause: reason });
    this.end = end;
    this.position = position;
    this.reason = reason;
  }
}
