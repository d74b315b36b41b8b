import { FerryError } from '../errors.js';
import { formatPlace, type TableMapping } from '../mapping.js';
import type { Value } from '../record.js';
import { displayName, type Relation, sourceName } from '../relation.js';

/** What is said against a table's rules, or against a row, with the place in the mapping. */
export class Refusals {
  readonly #relation: Relation;
  readonly #mapping: TableMapping;

  constructor(relation: Relation, mapping: TableMapping) {
    this.#relation = relation;
    this.#mapping = mapping;
  }

  /** @param target the column. */
  invalid(target: string | undefined, what: string, remedy?: string): FerryError {
    const source = sourceName(this.#relation);
    const column = target === undefined ? '' : `.${target}`;
    const message = `${this.#placeOf(target)}: ${source} -> ${displayName(this.#mapping.target)}${column}: ${what}`;
    return new FerryError('mapping-invalid', message, {
      details: { table: source, column: target },
      ...(remedy === undefined ? {} : { remedy }),
    });
  }

  /** @param target the column; undefined for `where`. */
  refused(target: string | undefined, valueAt: (column: number) => Value, what: string): FerryError {
    const { rules, target: table } = this.#mapping;
    const source = sourceName(this.#relation);
    const keys = this.#relation.columns.flatMap(({ name, key }, i) => (key ? [[name, i] as const] : []));
    const key = keys
      .slice(0, MAX_KEY_COLUMNS)
      .map(([name, i]) => `${name} = ${valueAt(i)}`)
      .join(', ');
    const place = target === undefined && rules?.where ? formatPlace(rules.where.place) : this.#placeOf(target);
    const goal = target === undefined ? displayName(table) : `${displayName(table)}.${target}`;
    return new FerryError('mapping-refused', `${place}: ${source} -> ${goal}: the row (${key}): ${what}`, {
      details: { table: source, column: target, key },
    });
  }

  #placeOf(target: string | undefined): string {
    const { place, rules } = this.#mapping;
    return formatPlace((target === undefined ? undefined : rules?.places.get(target)) ?? place);
  }
}

/** Under replica identity full every column counts as key. */
const MAX_KEY_COLUMNS = 4;
