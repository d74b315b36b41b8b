import { createHash } from 'node:crypto';
import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { FerryError } from '../../../core/errors.js';
import type { RowBlock, Step, TableStep } from '../batch.js';
import {
  copyStatement,
  copyText,
  emptyStatement,
  splitChanges,
  stagingStatements,
  truncateStatement,
} from '../statements.js';
import type { TableShape } from '../table-shape.js';
import { type ChangesStep, changeStatements, type MoveStep, type Planned, planStep, renumberRows } from './planned.js';

/** From this many rows on, COPY into a staging table is faster than arrays as parameters (bench/README.md). */
const STAGE_FROM_ROWS = 300;
/** After a snapshot's rows met rows that stand already, so many blocks of the table go through staging at once. */
const STAGE_AFTER_CONFLICT = 16;

/** Writes steps to tables, in the transaction that its caller has opened. */
export class StepWriter {
  readonly #target: pg.Client;
  /** Source tables whose snapshot has been applied: from then on a row that is missing is an error. */
  readonly copied: Set<string>;
  readonly #conflicts = new Map<string, number>();
  readonly #stages = new Set<string>();
  readonly #statementNames = new WeakMap<TableShape, Map<string, string>>();

  constructor(target: pg.Client, copied: Set<string>) {
    this.#target = target;
    this.copied = copied;
  }

  async write(step: TableStep): Promise<void> {
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

  /** What was written last has been undone, and a stage that was made for it with it. */
  undone(): void {
    this.#stages.clear();
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
    if (!this.#stages.has(stage)) await this.#target.query(statements.create);
    this.#stages.add(stage);
    await this.#target.query(statements.clear);
    await this.#copy(statements.copy, text);
    await this.#target.query(statements.upsert);
  }

  async #copy(sql: string, text: Buffer): Promise<void> {
    const stream = this.#target.query(copyFrom(sql));
    stream.end(text);
    await finished(stream);
  }

  async #executeAll(planned: readonly Planned[]): Promise<void> {
    for (const one of planned) this.refuseMissing(one, (await this.send(one)).rowCount);
  }

  send({ shape, what, statement }: Planned): Promise<pg.QueryResult> {
    return this.#target.query({
      // Prepared once a session for each table and shape of statement.
      name: this.#statementName(shape, what),
      text: statement.text,
      values: statement.values as unknown[],
    });
  }

  /** Without a prepared statement: where others are refused before it, it may never be prepared. */
  sendOnce({ statement }: Planned): Promise<pg.QueryResult> {
    return this.#target.query({ text: statement.text, values: statement.values as unknown[] });
  }

  /** @param rowCount that the server gave for the statement. */
  refuseMissing({ shape, statement }: Planned, rowCount: number | null): void {
    if (statement.mustTouch === undefined || rowCount === statement.mustTouch || !this.copied.has(shape.source)) return;
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
}

export type SmallStep = ChangesStep | MoveStep;

/** A step that is statements alone; of changes, few enough that none is staged. */
export function isSmall(step: Step): step is SmallStep {
  return step.kind === 'move' || (step.kind === 'changes' && step.set.changes.size < STAGE_FROM_ROWS);
}

const UNIQUE_VIOLATION = '23505';
const FEATURE_NOT_SUPPORTED = '0A000';
