import type { ByteWriter } from '../byte-writer.js';
import type { RowsLine } from '../record.js';
import type { Relation } from '../relation.js';
import { CopyTuple } from '../tuple-spans.js';
import type { CompiledOutput } from './compile-outputs.js';
import { MadeTuple } from './made-tuple.js';
import type { Refusals } from './refusals.js';
import type { RowFilter } from './row-filter.js';

/** A block of a snapshot's rows, of which some move. */
export interface SelectedRows {
  readonly line: RowsLine;
  readonly text: Buffer;
  readonly rows: number;
  readonly filtered: number;
  /** Where each begins; undefined: all do. */
  readonly starts: readonly number[] | undefined;
}

interface Scene {
  readonly relation: Relation;
  readonly filter: RowFilter | undefined;
  readonly refusals: Refusals;
}

/** How rows with certain columns are mapped. */
interface Layout {
  readonly made: MadeTuple;
  /** By field, the relation's column; -1 for one that the relation has not. */
  readonly fields: readonly number[];
  /** Of the target. */
  readonly columns: readonly string[];
}

/** Maps a snapshot's rows, from COPY text to COPY text: a block is selected first, and written where it is due. */
export class CopiedRows {
  readonly #outputs: readonly CompiledOutput[];
  readonly #scene: Scene;
  readonly #row: CopyTuple;
  /** By the rows' columns. */
  readonly #layouts = new Map<string, Layout>();

  constructor(outputs: readonly CompiledOutput[], scene: Scene) {
    this.#outputs = outputs;
    this.#scene = scene;
    this.#row = new CopyTuple(scene.relation.columns.length);
  }

  /** Which rows move. @throws FerryError `mapping-invalid` for rows without a column that tells. */
  select(line: RowsLine, text: Buffer): SelectedRows {
    const { filter, refusals, relation } = this.#scene;
    if (!filter) return { line, text, rows: line.rows, filtered: 0, starts: undefined };
    const lost = filter.lacks(new Set(line.columns));
    if (lost !== undefined) throw refusals.invalid(undefined, `copied rows have no column ${lost}`);
    const row = this.#row;
    row.begin(text, this.#fieldsOf(line));
    const starts: number[] = [];
    const values: (string | null)[] = relation.columns.map(() => null);
    for (let start = 0; start < text.length; ) {
      const end = row.read(start);
      for (const column of filter.reads) values[column] = row.value(column);
      if (filter.holds(values)) starts.push(start);
      start = end;
    }
    return { line, text, rows: starts.length, filtered: line.rows - starts.length, starts };
  }

  /**
   * Writes selected rows.
   * @returns their line.
   * @throws FerryError `mapping-refused` naming table, column and row; `mapping-invalid` for rows without a column that a rule reads.
   */
  write(out: ByteWriter, { line, text, rows, starts }: SelectedRows): RowsLine {
    const { made, fields, columns } = this.#layoutOf(line);
    const row = this.#row;
    row.begin(text, fields);
    const before = out.length;
    let next = 0;
    for (let i = 0; i < rows; i++) {
      next = row.read(starts ? starts[i]! : next);
      made.copy(out, row);
    }
    return { ...line, rows, bytes: out.length - before, columns };
  }

  #fieldsOf({ columns }: RowsLine): number[] {
    return columns.map((name) => this.#scene.relation.columns.findIndex((column) => column.name === name));
  }

  #layoutOf(line: RowsLine): Layout {
    const { relation, refusals } = this.#scene;
    const id = JSON.stringify(line.columns);
    let layout = this.#layouts.get(id);
    if (!layout) {
      const names = new Set(line.columns);
      const outputs = this.#outputs.filter((output) => this.#isCopied(output, names));
      const made = new MadeTuple(outputs, relation.columns.length, refusals);
      layout = { made, fields: this.#fieldsOf(line), columns: outputs.map(({ column }) => column.name) };
      this.#layouts.set(id, layout);
    }
    return layout;
  }

  /** A column that moves as it is may be missing among rows that were read before it was added. */
  #isCopied(output: CompiledOutput, copied: ReadonlySet<string>): boolean {
    const { relation, refusals } = this.#scene;
    if ('index' in output) return copied.has(relation.columns[output.index]!.name);
    const lost = output.rule.inputs.find((i) => !copied.has(relation.columns[i]!.name));
    if (lost === undefined) return true;
    throw refusals.invalid(output.column.name, `copied rows have no column ${relation.columns[lost]!.name}`);
  }
}
