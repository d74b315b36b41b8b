import type { Column, DeclaredColumn, Relation } from '../../core/relation.js';

/** A column as the source's catalog has it now. */
export interface CatalogColumn extends Pick<Column, 'name' | 'type' | 'typmod'> {
  readonly declared: DeclaredColumn;
}

/** What the source's catalog said of the captured tables when it was asked last, by OID. Pure. */
export class RelationCatalog {
  readonly #tables: Map<number, readonly CatalogColumn[]>;

  constructor(tables: ReadonlyMap<number, readonly CatalogColumn[]>) {
    this.#tables = new Map(tables);
  }

  /** False for a table's version that the catalog did not have: it must be asked again. */
  isCurrent(relation: Relation): boolean {
    const found = this.#tables.get(relation.id);
    if (!found) return true;
    return found.length === relation.columns.length && relation.columns.every((column) => find(found, column));
  }

  /** Whether a table is still as it was planned to be copied. */
  fits(relation: Relation): boolean {
    const found = this.#tables.get(relation.id);
    return found !== undefined && found.length === relation.columns.length && this.isCurrent(relation);
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
