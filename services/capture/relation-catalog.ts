import type { Column, DeclaredColumn, Relation } from '../../core/relation.js';

/** A column as the source's catalog has it now. */
export interface CatalogColumn extends Pick<Column, 'name' | 'type' | 'typmod'> {
  readonly declared: DeclaredColumn;
}

/** What the source's catalog said of the captured tables when it was asked last, by OID. Pure. */
export class RelationCatalog {
  readonly #planned: ReadonlyMap<number, readonly CatalogColumn[]>;
  readonly #tables: Map<number, readonly CatalogColumn[]>;
  readonly #heard = new Set<number>();

  /** @param tables as they are when their copy is planned. */
  constructor(tables: ReadonlyMap<number, readonly CatalogColumn[]>) {
    this.#planned = tables;
    this.#tables = new Map(tables);
  }

  /**
   * Whether the catalog must be asked about a version: it did not have it, or the stream describes the table once more,
   * which it does after a change. A column that was dropped and added again would look the same, and so does another key
   * under replica identity full.
   */
  mustAsk(relation: Relation): boolean {
    const found = this.#tables.get(relation.id);
    if (!found) return false;
    const isFirst = !this.#heard.has(relation.id);
    this.#heard.add(relation.id);
    return !isFirst || relation.identity === 'f' || !relation.columns.every((column) => find(found, column));
  }

  /** Whether a table is not any more what its copy was planned for. */
  hasChanged(table: number): boolean {
    return JSON.stringify(this.#planned.get(table)) !== JSON.stringify(this.#tables.get(table));
  }

  learn(table: number, columns: readonly CatalogColumn[]): void {
    this.#tables.set(table, columns);
  }

  /** Adds what the catalog says of the columns that it has as they are. */
  describe<T extends Relation>(relation: T): T {
    const found = this.#tables.get(relation.id);
    if (!found) return relation;
    const columns = relation.columns.map((column) => {
      const match = find(found, column);
      return match ? { ...column, declared: match.declared } : column;
    });
    return { ...relation, columns };
  }
}

function find(columns: readonly CatalogColumn[], { name, type, typmod }: Column): CatalogColumn | undefined {
  return columns.find((column) => column.name === name && column.type === type && column.typmod === typmod);
}
