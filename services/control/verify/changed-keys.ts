import { parseCopyField } from '../../../core/copy-text.js';
import type { Tuple } from '../../../core/record.js';
import { RecordScanner } from '../../../core/record-scanner.js';
import { sourceName } from '../../../core/relation.js';
import type { Key } from './queries.js';

/** What of a source table is to be compared again: rows of these keys, as the source writes them, or all. */
export type DueRows = 'all' | readonly Key[];

/** Of more rows of a table their keys are not held: then all of it is compared again. */
const MAX_KEYS = 50_000;

/** Collects which rows have changed, out of the raw topic's records. Pure. */
export class ChangedKeys {
  readonly #keyColumns: ReadonlyMap<string, readonly string[]>;
  readonly #maxKeys: number;
  readonly #due = new Map<string, 'all' | Map<string, Key>>();

  /** @param keyColumns of each source table that is compared, by display name; none of a table without a key. */
  constructor(keyColumns: ReadonlyMap<string, readonly string[]>, maxKeys = MAX_KEYS) {
    this.#keyColumns = keyColumns;
    this.#maxKeys = maxKeys;
  }

  /** Takes one record. */
  take(record: Buffer): void {
    const relations = new Map<number, CarriedKey>();
    const scanner = new RecordScanner(record);
    while (scanner.next()) {
      if (scanner.kind === 'relation') {
        const line = scanner.relationLine();
        const names = line.columns.map(({ name }) => name);
        relations.set(line.relation, { source: sourceName(line), names });
      } else if (scanner.kind === 'row') {
        const { key, old, new: now } = scanner.row();
        const carried = relations.get(scanner.relation)!;
        for (const tuple of [key ?? old, now]) if (tuple) this.#add(carried, tuple);
      } else if (scanner.kind === 'rows') {
        const names = scanner.rows().columns;
        const { source } = relations.get(scanner.relation)!;
        const lines = record.toString('utf8', scanner.bodyStart, scanner.end).split('\n').slice(0, -1);
        for (const line of lines) this.#add({ source, names }, line.split('\t').map(parseCopyField));
      } else if (scanner.kind === 'truncate') {
        for (const id of scanner.truncate().relations) this.all(relations.get(id)!.source);
      }
    }
  }

  /** All rows of a table are to be compared again. */
  all(source: string): void {
    if (this.#keyColumns.has(source)) this.#due.set(source, 'all');
  }

  /** What is due of a table; with that it is not due any more. Undefined where nothing is. */
  due(source: string): DueRows | undefined {
    const due = this.#due.get(source);
    this.#due.delete(source);
    return due === 'all' || !due ? due : [...due.values()];
  }

  #add({ source, names }: CarriedKey, tuple: Tuple): void {
    const columns = this.#keyColumns.get(source);
    const due = this.#due.get(source) ?? new Map<string, Key>();
    if (!columns || due === 'all') return;
    const key = columns.map((name) => tuple[names.indexOf(name)]);
    // A change that does not carry what the rows are compared by, or rows that have nothing of the kind.
    const isCarried = key.length > 0 && key.every((value) => typeof value === 'string');
    if (!isCarried || due.size >= this.#maxKeys) return void this.#due.set(source, 'all');
    this.#due.set(source, due.set(JSON.stringify(key), key as Key));
  }
}

/** Where a tuple's values belong. */
interface CarriedKey {
  readonly source: string;
  readonly names: readonly string[];
}
