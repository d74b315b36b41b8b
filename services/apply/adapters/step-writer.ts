import { createHash } from 'node:crypto';
import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { ChangesStep, RowBlock, Step, TableStep } from '../batch.js';
import { copyUpserts } from '../copied-rows.js';
import { type RowCounts, splitCounts } from '../row-counts.js';
import {
  canInsert,
  copyStatement,
  copyText,
  deleteStagedStatement,
  splitChanges,
  stagingStatements,
} from '../statements.js';
import { isKeyless, type TableShape } from '../table-shape.js';
import { emptyTables } from './empty-tables.js';
import { changeStatements, INSERT, type MoveStep, type Planned, planStep, renumberRows } from './planned.js';
import { copyRows, Staging } from './staging.js';

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
  readonly #staging: Staging;
  readonly #statementNames = new WeakMap<TableShape, Map<string, string>>();

  constructor(target: pg.Client, copied: Set<string>) {
    this.#target = target;
    this.#staging = new Staging(target);
    this.copied = copied;
  }

  async write(step: TableStep): Promise<void> {
    switch (step.kind) {
      case 'changes':
        return isSmall(step) ? this.#executeAll(planStep(step)) : this.#manyChanges(step);
      case 'counts':
        return this.#counts(step.set);
      case 'rows':
        return this.#rows(step.block);
      case 'move':
        return this.#executeAll(planStep(step));
      case 'truncate':
        return emptyTables(this.#target, step.shapes, step.restartIdentity);
      default:
        return step satisfies never;
    }
  }

  /** What was written last has been undone, and a stage that was made for it with it. */
  undone(): void {
    this.#staging.forget();
  }

  /** Many whole rows go through a staging table. */
  async #manyChanges(step: ChangesStep): Promise<void> {
    const { shape, changes } = step.set;
    const split = splitChanges(changes.values());
    if (split.upserts.length < STAGE_FROM_ROWS) return this.#executeAll(changeStatements(step, split));
    await this.#executeAll(changeStatements(step, { ...split, upserts: [] }));
    const names = shape.columns.map((column) => column.name);
    await this.#stage(shape, names, copyUpserts(split.upserts));
    await this.#executeAll(renumberRows(step, () => split.upserts.map(({ row }) => row)));
  }

  async #counts(set: RowCounts): Promise<void> {
    const { shape } = set;
    const { gone, added } = splitCounts(set);
    const names = shape.columns.map((column) => column.name);
    if (gone.length > 0) {
      const stage = await this.#staging.fill(shape, names, copyText(gone));
      const { rowCount } = await this.#target.query(deleteStagedStatement(shape, stage));
      if (rowCount !== gone.length) throw rowsMissing(shape, gone.length, rowCount ?? 0);
    }
    if (added.length > 0) await copyRows(this.#target, copyStatement(shape, names), copyText(added));
  }

  async #rows({ shape, line, text }: RowBlock): Promise<void> {
    if (isKeyless(shape)) return copyRows(this.#target, copyStatement(shape, line.columns), text);
    if (!canInsert(shape, line.columns)) return this.#stage(shape, line.columns, text);
    const conflicts = this.#conflicts.get(shape.name) ?? 0;
    if (conflicts > 0) {
      this.#conflicts.set(shape.name, conflicts - 1);
      return this.#stage(shape, line.columns, text);
    }
    await this.#target.query('SAVEPOINT rows');
    try {
      await copyRows(this.#target, copyStatement(shape, line.columns), text);
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
    const stage = await this.#staging.fill(shape, columns, text);
    await this.#target.query(stagingStatements(shape, stage, columns).upsert);
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
  refuseMissing({ shape, what, statement }: Planned, rowCount: number | null): void {
    if (what === INSERT && rowCount !== statement.mustTouch) throw metApplication(shape);
    if (statement.mustTouch === undefined || rowCount === statement.mustTouch || !this.copied.has(shape.source)) return;
    throw rowsMissing(shape, statement.mustTouch, rowCount ?? 0);
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

/** Looked at again, the rows that came meanwhile are known. */
function metApplication({ name }: TableShape): FerryError {
  return new FerryError('transient-sql', `an application inserted a row of ${name} while it was applied`);
}

function rowsMissing({ name, source, isJoined }: TableShape, expected: number, found: number): FerryError {
  return new FerryError(
    'apply-failed',
    `${expected - found} of ${expected} rows to change are missing in the target table ${name}`,
    {
      details: { table: name },
      remedy: isJoined
        ? 'It is joined: a part came, and no table has brought its row. With apply.onRefusal: dead-letter it is set aside, and ferry dead-letter drop leaves it out.'
        : `Something else changed rows of the target, and must end; or a partition was attached, and its rows changed before they were copied. Then copy the table again: ferry table resnapshot ${source}`,
    },
  );
}

const UNIQUE_VIOLATION = '23505';
