import { createHash } from 'node:crypto';
import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { FerryError } from '../../../core/errors.js';
import type { Position } from '../../../core/position.js';
import { failpoint } from '../../../platform/failpoint.js';
import {
  type Applied,
  addApplied,
  type Batch,
  type CheckpointStep,
  type EverywhereStep,
  type Progress,
  type RowBlock,
  type Step,
  type TableStep,
} from '../batch.js';
import {
  copyStatement,
  copyText,
  emptyStatement,
  splitChanges,
  stagingStatements,
  truncateStatement,
} from '../statements.js';
import type { TableShape } from '../table-shape.js';
import type { Claim } from './checkpoint.js';
import { inOneFlight } from './in-one-flight.js';
import { type ChangesStep, changeStatements, type MoveStep, type Planned, planStep, renumberRows } from './planned.js';
import { recordVersion } from './table-state.js';

/** From this many rows on, COPY into a staging table is faster than arrays as parameters (bench/README.md). */
const STAGE_FROM_ROWS = 300;
/** After a snapshot's rows met rows that stand already, so many blocks of the table go through staging at once. */
const STAGE_AFTER_CONFLICT = 16;

/** What a writer moves on with the rows that it writes. */
export interface WritePlace {
  /** In the rows' transaction, with one statement. */
  advance(progress: Progress, applied: Applied): Promise<void>;
  /** @returns whether it is ours to do what an event says that every partition has. */
  pass(position: Position): Promise<boolean>;
}

/**
 * Writes batches to the target: rows and checkpoint in one transaction. A source transaction that is larger than a
 * batch is written on in an open target transaction and ends with the batch that has its commit.
 */
export class TargetWriter {
  readonly #target: pg.Client;
  readonly #claim: Claim;
  readonly #place: WritePlace;
  /** Source tables whose snapshot has been applied: from then on a row that is missing is an error. */
  readonly #copied: Set<string>;
  readonly #conflicts = new Map<string, number>();
  /** Of the open transaction. */
  readonly #applied: Applied = new Map();
  readonly #stages = new Set<string>();
  readonly #statementNames = new WeakMap<TableShape, Map<string, string>>();
  #isOpen = false;
  /** What was being written last: what an error is about. */
  step: Step | undefined;

  constructor(target: pg.Client, claim: Claim, copied: Set<string>, place: WritePlace) {
    this.#target = target;
    this.#claim = claim;
    this.#place = place;
    this.#copied = copied;
  }

  /** @throws the database's error, after which the transaction is rolled back and the writer of no more use. */
  async write(batch: Batch): Promise<void> {
    if (batch.steps.every(isSmall)) return this.#writeAtOnce(batch, batch.steps.flatMap(planStep));
    await this.#begin();
    for (const step of batch.steps) {
      this.step = step;
      if (step.kind === 'everywhere') await this.#everywhere(step);
      else if (step.kind === 'checkpoint') await this.#checkpoint(step);
      else await this.writeStep(step);
    }
    this.step = undefined;
    await this.#record(batch);
    addApplied(this.#applied, batch.applied);
    if (!batch.isComplete) return;
    await this.#advance(batch.progress);
  }

  /** Few changes, as nearly always under no load: everything but the commit in one round trip. */
  async #writeAtOnce(batch: Batch, planned: readonly Planned[]): Promise<void> {
    addApplied(this.#applied, batch.applied);
    const begin = this.#isOpen ? 0 : 1;
    const answers = await inOneFlight(this.#target, () => [
      ...(this.#isOpen ? [] : [this.#target.query('BEGIN')]),
      ...planned.map((one) => this.#send(one)),
      ...(batch.isComplete ? [this.#place.advance(batch.progress, this.#applied)] : []),
    ]);
    this.#isOpen = true;
    for (const [i, answer] of answers.entries()) {
      const one = planned[i - begin];
      this.step = one?.step;
      if (answer.status === 'rejected') throw answer.reason;
      if (one) this.#refuseMissing(one, (answer.value as pg.QueryResult).rowCount);
    }
    this.step = undefined;
    await this.#record(batch);
    if (!batch.isComplete) return;
    await this.#commit();
    this.#applied.clear();
  }

  /** Ends the transaction with its checkpoint. */
  async #advance(progress: Progress): Promise<void> {
    await this.#place.advance(progress, this.#applied);
    await this.#commit();
    this.#applied.clear();
  }

  async #begin(): Promise<void> {
    if (!this.#isOpen) await this.#target.query('BEGIN');
    this.#isOpen = true;
  }

  async #checkpoint({ progress, applied }: CheckpointStep): Promise<void> {
    addApplied(this.#applied, applied);
    await this.#advance(progress);
    await this.#begin();
  }

  /** Comes behind a checkpoint: what it waits for must not wait for a transaction of ours. */
  async #everywhere({ step, progress, applied }: EverywhereStep): Promise<void> {
    await this.#commit();
    const isOurs = await this.#place.pass(progress.position);
    await this.#begin();
    if (isOurs) await this.writeStep(step);
    // The others wait for the first one's.
    await this.#checkpoint({ kind: 'checkpoint', progress, applied });
  }

  async writeStep(step: TableStep): Promise<void> {
    switch (step.kind) {
      case 'changes':
        return isSmall(step) ? this.#executeAll(planStep(step)) : this.#manyChanges(step);
      case 'rows':
        return this.#rows(step.block);
      case 'move':
        return this.#executeAll(planStep(step));
      case 'truncate':
        return this.#truncate(step.shapes, step.restartIdentity);
      default:
        return step satisfies never;
    }
  }

  /** Many whole rows go through a staging table. */
  async #manyChanges(step: ChangesStep): Promise<void> {
    const { shape, changes } = step.set;
    const split = splitChanges(changes.values());
    if (split.upserts.length < STAGE_FROM_ROWS) return this.#executeAll(changeStatements(step, split));
    await this.#executeAll(changeStatements(step, { ...split, upserts: [] }));
    const names = shape.columns.map((column) => column.name);
    await this.#stage(shape, names, copyText(split.upserts));
    await this.#executeAll(renumberRows(step, split.upserts));
  }

  async #truncate(shapes: readonly TableShape[], restartIdentity: boolean): Promise<void> {
    await this.#target.query('SAVEPOINT truncated');
    try {
      await this.#target.query(truncateStatement(shapes, restartIdentity));
      await this.#target.query('RELEASE SAVEPOINT truncated');
    } catch (error) {
      if ((error as { code?: string }).code !== FEATURE_NOT_SUPPORTED) throw error;
      // A table of another domain, emptied on its own, or one that nobody maps has a foreign key to one of these.
      await this.#target.query('ROLLBACK TO SAVEPOINT truncated');
      await this.#target.query(emptyStatement(shapes, restartIdentity));
    }
  }

  async #rows({ shape, line, text }: RowBlock): Promise<void> {
    const conflicts = this.#conflicts.get(shape.name) ?? 0;
    if (conflicts > 0) {
      this.#conflicts.set(shape.name, conflicts - 1);
      return this.#stage(shape, line.columns, text);
    }
    await this.#target.query('SAVEPOINT rows');
    try {
      await this.#copy(copyStatement(shape, line.columns), text);
      await this.#target.query('RELEASE SAVEPOINT rows');
    } catch (error) {
      if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
      // Rows that the stream brought before their chunk; the chunk knows as much or more.
      await this.#target.query('ROLLBACK TO SAVEPOINT rows');
      this.#conflicts.set(shape.name, STAGE_AFTER_CONFLICT);
      await this.#stage(shape, line.columns, text);
    }
  }

  async #stage(shape: TableShape, columns: readonly string[], text: Buffer): Promise<void> {
    const stage = `ferry_stage_${shape.relation.id}_${columns.length}`;
    const statements = stagingStatements(shape, stage, columns);
    if (this.#stages.has(stage)) {
      await this.#target.query(statements.clear);
    } else {
      await this.#target.query(statements.create);
      // Gone again should this transaction roll back, but then so is this writer.
      this.#stages.add(stage);
    }
    await this.#copy(statements.copy, text);
    await this.#target.query(statements.upsert);
  }

  async #copy(sql: string, text: Buffer): Promise<void> {
    const stream = this.#target.query(copyFrom(sql));
    stream.end(text);
    await finished(stream);
  }

  async #executeAll(planned: readonly Planned[]): Promise<void> {
    for (const one of planned) this.#refuseMissing(one, (await this.#send(one)).rowCount);
  }

  #send({ shape, what, statement }: Planned): Promise<pg.QueryResult> {
    return this.#target.query({
      // Prepared once a session for each table and shape of statement.
      name: this.#statementName(shape, what),
      text: statement.text,
      values: statement.values as unknown[],
    });
  }

  #refuseMissing({ shape, statement }: Planned, rowCount: number | null): void {
    if (statement.mustTouch === undefined || rowCount === statement.mustTouch || !this.#copied.has(shape.source))
      return;
    throw new FerryError(
      'apply-failed',
      `${statement.mustTouch - (rowCount ?? 0)} of ${statement.mustTouch} rows to update are missing in the target table ${shape.name}`,
      {
        details: { table: shape.name },
        remedy: 'Something else deleted rows of the target: end it, then run `ferry replay`.',
      },
    );
  }

  /** Prepared statement names are cut at 63 bytes, so the long part is a hash. */
  #statementName(shape: TableShape, what: string): string {
    const names = this.#statementNames.get(shape) ?? new Map<string, string>();
    this.#statementNames.set(shape, names);
    let name = names.get(what);
    if (name === undefined) {
      const text = JSON.stringify([
        shape.table.schema,
        shape.table.table,
        shape.columns.map((column) => column.name),
        what,
      ]);
      name = `ferry_${createHash('md5').update(text).digest('hex')}`;
      names.set(what, name);
    }
    return name;
  }

  async #record({ versions, copied }: Batch): Promise<void> {
    for (const seen of versions) await recordVersion(this.#target, this.#claim, seen);
    for (const table of copied) {
      await this.#target.query(
        `INSERT INTO ferry.table_state (pipeline, source_table, partition, copied) VALUES ($1, $2, $3, true)
         ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET copied = true`,
        [this.#claim.pipeline, table, this.#claim.at.partition],
      );
      this.#copied.add(table);
    }
  }

  async #commit(): Promise<void> {
    failpoint('apply.written');
    const { command } = await this.#target.query('COMMIT');
    // The server answers a COMMIT of a failed transaction with ROLLBACK, and the driver calls that success.
    if (command !== 'COMMIT') throw new FerryError('apply-failed', 'the target rolled the transaction back');
    this.#isOpen = false;
    failpoint('apply.committed');
  }
}

/** A step that is statements alone; of changes, few enough that none is staged. */
function isSmall(step: Step): step is ChangesStep | MoveStep {
  return step.kind === 'move' || (step.kind === 'changes' && step.set.changes.size < STAGE_FROM_ROWS);
}

const UNIQUE_VIOLATION = '23505';
const FEATURE_NOT_SUPPORTED = '0A000';
