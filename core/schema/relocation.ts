import { type Inventory, isRowKind, keyOf, type ObjectClass, type SourceObject } from './inventory.js';
import { areKin, displayPlace, type Names, type Place, samePlace, type TableColumns } from './names.js';

/** Where everything of the source goes. */
export interface Plan {
  readonly inventory: Inventory;
  /** By {@link keyOf}; several where a table goes to several. What is not in it does not move. */
  readonly places: ReadonlyMap<string, readonly Place[]>;
  /** Why what is not in it does not. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Of a table of the source as it is at one of its targets. */
  columnsOf(table: SourceObject, target: Place): TableColumns;
  /** Of extensions: schema of a routine, type or operator. */
  readonly members: ReadonlyMap<string, string>;
}

/** Who looks names up. */
export interface Viewpoint {
  /** Schemas in which a name without one is looked up; none in statements of a dump. */
  readonly path: readonly string[];
  /** The schema that what is written goes to: of a table with several targets, the one there is meant. */
  readonly schema?: string;
  /** The relation that a statement is about, at the target that it is written for. */
  readonly subject?: { readonly source: Place; readonly target: Place };
}

/**
 * Of the places that an object goes to the one that is meant: the only one, or the only one in the schema. Of what goes
 * with tables, the one that goes with the subject's; undefined where none of it tells.
 */
export function placeMeant(
  object: SourceObject,
  places: readonly Place[],
  { subject, schema }: Omit<Viewpoint, 'path'>,
): Place | undefined {
  if (subject && object.class === 'relation' && samePlace(subject.source, object.place)) return subject.target;
  if (places.length === 1) return places[0];
  const beside = places.filter((place) => place.schema === (subject?.target.schema ?? schema));
  return beside.length > 1 ? beside.find((place) => subject && areKin(place, subject.target)) : beside[0];
}

/** What names mean from one viewpoint. */
export class Relocation implements Names {
  readonly #plan: Plan;
  readonly #from: Viewpoint;
  /** What does not move, or not to one place: why what names it cannot move. */
  readonly missing = new Set<string>();
  /** Keys of all that was looked up and found. */
  readonly seen = new Set<string>();

  constructor(plan: Plan, from: Viewpoint) {
    this.#plan = plan;
    this.#from = from;
  }

  // Fields, for they are handed on by themselves.
  readonly relation = (schema: string | undefined, name: string): Place | undefined =>
    this.#place(schema, name, ['relation', 'type']);

  readonly type = (schema: string | undefined, name: string): Place | undefined =>
    this.#place(schema, name, ['type', 'relation']) ?? this.#member('type', schema, name);

  readonly routine = (schema: string | undefined, name: string): Place | undefined =>
    this.#place(schema, name, ['routine']) ?? this.#member('routine', schema, name);

  operator(name: string): string | undefined {
    return this.#plan.members.get(JSON.stringify(['operator', name]));
  }

  isRow(schema: string | undefined, name: string): boolean {
    const object = this.#find(schema, name, ['relation', 'type']);
    return object !== undefined && isRowKind(object);
  }

  columns(schema: string | undefined, name: string): TableColumns | undefined {
    const object = this.#find(schema, name, ['relation']);
    if (!object?.columns) return undefined;
    const target = this.#target(object);
    if (!target) return { columns: new Set(object.columns), changes: new Map() };
    return this.#plan.columnsOf(object, target);
  }

  #place(schema: string | undefined, name: string, classes: readonly ObjectClass[]): Place | undefined {
    const object = this.#find(schema, name, classes);
    if (!object) return undefined;
    this.seen.add(keyOf(object));
    const target = this.#target(object);
    if (!target) this.missing.add(`it names ${this.#why(object)}`);
    return target;
  }

  #why(object: SourceObject): string {
    const key = keyOf(object);
    const several = this.#plan.places.get(key) ?? [];
    const reason =
      several.length > 1 ? `goes to ${several.map(displayPlace).join(' and ')}` : this.#plan.reasons.get(key);
    return `${object.kind} ${displayPlace(object.place)}, which ${reason ?? 'does not move'}`;
  }

  #target(object: SourceObject): Place | undefined {
    return placeMeant(object, this.#plan.places.get(keyOf(object)) ?? [], this.#from);
  }

  #find(schema: string | undefined, name: string, classes: readonly ObjectClass[]): SourceObject | undefined {
    for (const candidate of schema === undefined ? this.#from.path : [schema]) {
      for (const kind of classes) {
        const found = this.#plan.inventory.find(kind, { schema: candidate, name });
        if (found) return found;
      }
    }
    return undefined;
  }

  /** What an extension has made, and a body names without its schema. */
  #member(kind: ObjectClass, schema: string | undefined, name: string): Place | undefined {
    const found = schema === undefined ? this.#plan.members.get(JSON.stringify([kind, name])) : undefined;
    return found === undefined ? undefined : { schema: found, name };
  }
}
