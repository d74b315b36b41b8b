import { parseCopyField } from '../../core/copy-text.js';
import type { Tuple } from '../../core/record.js';
import type { RowBlock, Step } from '../../services/apply/batch.js';
import { type ChangeSet, keyOf, type Move } from '../../services/apply/fold.js';
import { splitChanges } from '../../services/apply/statements.js';
import type { TableShape } from '../../services/apply/table-shape.js';

/** Rows by their key as one text, the values by column. */
export type ModelTable = Map<string, Readonly<Record<string, string | null>>>;

/**
 * A target database in memory that does with steps what the statements do, in their order: deletes, updates, upserts.
 */
export class TargetModel {
  readonly tables = new Map<string, ModelTable>();

  /** @param isStrict refuses to update a row that is missing, as apply does once a table is copied. */
  write(steps: readonly Step[], isStrict: (source: string) => boolean = () => true): void {
    for (const step of steps) {
      if (step.kind === 'changes') this.#changes(step.set, isStrict);
      else if (step.kind === 'move') this.#move(step.move, isStrict);
      else if (step.kind === 'counts') throw new Error('the model has no tables without a key');
      else if (step.kind === 'rows') this.#rows(step.block);
      else if (step.kind === 'checkpoint' || step.kind === 'letter') continue;
      else if (step.kind === 'everywhere') this.write([step.step], isStrict);
      else for (const shape of step.shapes) this.table(shape.name).clear();
    }
  }

  table(name: string): ModelTable {
    const table = this.tables.get(name) ?? new Map();
    this.tables.set(name, table);
    return table;
  }

  #changes({ shape, changes }: ChangeSet, isStrict: (source: string) => boolean): void {
    const table = this.table(shape.name);
    const { deletes, updates, upserts } = splitChanges(changes.values());
    for (const key of deletes) table.delete(keyOf(shape, key));
    for (const row of [...updates.values()].flat()) this.#update(shape, row, keyOf(shape, row), isStrict);
    for (const { row } of upserts) {
      if (row.includes(false)) throw new Error('an upsert of a row that is not known whole');
      this.#upsert(shape, row);
    }
  }

  #move({ shape, from, to, isWhole }: Move, isStrict: (source: string) => boolean): void {
    const table = this.table(shape.name);
    const isThere = table.has(keyOf(shape, from));
    if (isWhole && !isThere) return this.#upsert(shape, to);
    if (this.#update(shape, to, keyOf(shape, from), isStrict)) table.delete(keyOf(shape, from));
  }

  #upsert(shape: TableShape, row: Tuple): void {
    const table = this.table(shape.name);
    const key = keyOf(shape, row);
    table.set(key, { ...table.get(key), ...valuesOf(shape, row) });
  }

  #update(shape: TableShape, row: Tuple, key: string, isStrict: (source: string) => boolean): boolean {
    const table = this.table(shape.name);
    const before = table.get(key);
    if (!before && isStrict(shape.source)) throw new Error(`no row ${key} in ${shape.name}`);
    if (before) table.set(keyOf(shape, row), { ...before, ...valuesOf(shape, row) });
    return before !== undefined;
  }

  #rows({ shape, line, text }: RowBlock): void {
    const order = line.columns.map((name) => shape.columns.findIndex((column) => column.name === name));
    for (const copied of text.toString('utf8').split('\n').slice(0, -1)) {
      const fields = copied.split('\t').map(parseCopyField);
      const row = shape.columns.map((_, i) => fields[order.indexOf(i)] ?? null);
      this.#upsert(shape, row);
    }
  }
}

/** The values that are known, by target column. */
function valuesOf(shape: TableShape, row: Tuple): Record<string, string | null> {
  return Object.fromEntries(shape.columns.flatMap(({ name }, i) => (row[i] === false ? [] : [[name, row[i]!]])));
}
