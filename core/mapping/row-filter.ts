import { FerryError } from '../errors.js';
import type { RowLine, RowOp, Tuple, Value } from '../record.js';
import type { Column, Relation } from '../relation.js';
import { SPAN, type TupleSpans } from '../tuple-spans.js';
import { isComparedAsText, mayBeWritten } from './comparable-text.js';
import { compileExpression } from './compile-expression.js';
import type { WholeRow } from './compile-rule.js';
import { columnsOf, comparisonsOf, type Expression } from './expression.js';
import { isFixedSize } from './fixed-size.js';
import { RuleFailure } from './rule-kit.js';

/**
 * How a change tells whether its row was in the target before:
 * - `old`: it brings the whole old row.
 * - `key`: the condition reads the key alone, and a change of the key brings the old one.
 * - `whole`: it does not tell, and need not: it brings the whole new row, which is written whether it was there or not,
 *   and a row that is not in the target is deleted to no effect.
 */
export type FilterMode = 'old' | 'key' | 'whole';

/**
 * How a condition over a table is decided.
 * @param isInline whether every change carries the column's value.
 * @param moved the columns that the mapping reads, those of the condition aside.
 * @returns the first column that keeps it from being decided.
 */
export function filterMode(
  where: Expression,
  table: { readonly identity: Relation['identity']; readonly columns: readonly { name: string; key: boolean }[] },
  moved: readonly string[],
  isInline: (column: string) => boolean,
): { readonly mode: FilterMode } | { readonly undecided: string } {
  if (table.identity === 'f') return { mode: 'old' };
  const keys = new Set(table.columns.filter(({ key }) => key).map(({ name }) => name));
  const read = columnsOf(where);
  if (read.every((column) => keys.has(column))) return { mode: 'key' };
  const lost = [...read, ...moved].find((column) => !isInline(column));
  return lost === undefined ? { mode: 'whole' } : { undecided: lost };
}

/** Lets the rows of a condition pass. A change that brings a row into it or out of it becomes a create or a delete. */
export class RowFilter {
  readonly #holds: (row: WholeRow) => boolean;
  readonly #names: readonly string[];
  /** Indexes of the columns whose values the condition reads. */
  readonly reads: readonly number[];
  /** Indexes of the columns whose values the target's row is made of. */
  readonly #needs: readonly number[];
  readonly #mode: FilterMode;
  readonly #keys: readonly boolean[];

  /**
   * @param moved names of the columns that the mapping reads.
   * @throws FerryError `mapping-invalid` for a condition that cannot be decided over the relation.
   */
  constructor(where: Expression, relation: Relation, moved: readonly string[]) {
    const { columns } = relation;
    const columnOf = (name: string) => columns.find((column) => column.name === name);
    this.#names = columnsOf(where);
    const lost = this.#names.find((name) => !columnOf(name));
    if (lost !== undefined) throw invalid(`the source table has no column ${lost}`);
    for (const { column, values } of comparisonsOf(where)) refuseMiswritten(columnOf(column)!, values);
    const decided = filterMode(where, relation, moved, (name) => isFixedSize(columnOf(name)!));
    if ('undecided' in decided) throw invalid(...undecided(decided.undecided, relation));
    this.#mode = decided.mode;
    this.#holds = compileExpression(where, columns);
    this.reads = this.#names.map((name) => columns.findIndex((column) => column.name === name));
    this.#needs = moved.map((name) => columns.findIndex((column) => column.name === name));
    this.#keys = columns.map(({ key }) => key);
  }

  /** A column that the condition reads and these are without. */
  lacks(columns: ReadonlySet<string>): string | undefined {
    return this.#names.find((name) => !columns.has(name));
  }

  /** A tuple as far as a condition is decided by it: values that it does not read are null, or have not changed. */
  valuesOf(tuple: TupleSpans): Tuple {
    const values: Value[] = [];
    for (const kind of tuple.kinds) values.push(kind === SPAN.unchanged ? false : null);
    for (const column of this.reads) values[column] = tuple.value(column);
    return values;
  }

  /** Of a row whose values are all known. */
  holds(row: WholeRow): boolean {
    return this.#holds(row);
  }

  /**
   * @param line its new row as whole as it can be.
   * @returns the change of the target; undefined where it has none.
   * @throws RuleFailure where the change does not carry what decides.
   */
  take(line: RowLine): RowLine | undefined {
    const { op } = line;
    if (op === 'c') return this.#passes(line.new!) ? line : undefined;
    if (this.#mode === 'whole') return this.#takeWhole(line);
    const before = line.old ?? line.key;
    // A partition may have another replica identity than its table.
    if (this.#mode === 'old' && !line.old) throw new RuleFailure('its change does not carry the old row');
    // Without an old key the key is as it was, and the condition reads nothing else.
    const was = this.#passes(before ?? line.new!);
    const is = op === 'u' && this.#passes(line.new!);
    if (was && (is || op === 'd')) return line;
    if (was) return without(line, 'new', 'd');
    if (!is) return undefined;
    this.#refuseLacking(line.new!);
    return without(line, 'old', 'c');
  }

  #takeWhole(line: RowLine): RowLine | undefined {
    if (line.op === 'd') return line;
    if (this.#passes(line.new!)) {
      this.#refuseLacking(line.new!);
      return line;
    }
    const key = line.key ?? line.new!.map((value, i) => (this.#keys[i] ? value : null));
    return without({ ...line, key }, 'new', 'd');
  }

  /** Of a row that the target may not have. */
  #refuseLacking(row: Tuple): void {
    if (!this.#needs.some((index) => row[index] === false)) return;
    throw new RuleFailure('it comes into `where`, and the WAL does not carry one of its values, which has not changed');
  }

  #passes(row: Tuple): boolean {
    if (this.reads.some((index) => row[index] === false)) {
      throw new RuleFailure('the WAL does not carry a value that `where` reads');
    }
    return this.#holds(row as WholeRow);
  }
}

/** The change as another one: a delete has no new row, a create no old one. */
function without({ rel, ix, everywhere, key, old, new: now }: RowLine, gone: 'old' | 'new', op: RowOp): RowLine {
  const before = { ...(key ? { key } : {}), ...(old ? { old } : {}) };
  return {
    rel,
    ix,
    op,
    ...(everywhere ? { everywhere } : {}),
    ...(gone === 'new' ? before : { new: now! }),
  };
}

function refuseMiswritten(column: Column, values: readonly string[]): void {
  if (!isComparedAsText(column)) {
    throw invalid(`\`where\` compares ${column.name}, of a type whose equal values may be written in two ways`);
  }
  const wrong = values.find((value) => !mayBeWritten(value, column));
  if (wrong !== undefined) throw invalid(`no value of ${column.name} is written ${JSON.stringify(wrong)}`);
}

function undecided(column: string, { schema, table }: Relation): [string, string] {
  return [
    `\`where\` cannot be decided: a change does not say how its row was before, nor carry ${column} where that is large and has not changed`,
    `ALTER TABLE ${schema}.${table} REPLICA IDENTITY FULL, before the pipeline begins; or let \`where\` read columns of the key alone.`,
  ];
}

function invalid(message: string, remedy?: string): FerryError {
  return new FerryError('mapping-invalid', message, remedy === undefined ? {} : { remedy });
}
