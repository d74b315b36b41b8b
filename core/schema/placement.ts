import type { TableMapping } from '../mapping.js';
import type { QualifiedName } from '../relation.js';
import { fixedColumns } from './fixed-columns.js';
import { type Inventory, keyOf, objectKey, type SourceObject } from './inventory.js';
import { Merges } from './merge/merges.js';
import { NameBook } from './name-book.js';
import { displayPlace, type Place } from './names.js';
import type { References } from './references.js';
import { mappingOf, tableColumns } from './table-columns.js';

/** What the configuration says about objects that no mapping names. */
export interface PlacementChoices {
  /** Where an object goes that several domains use; undefined: to the first of them. */
  readonly shared?: string;
  /** Objects that go where this says, by `schema.name`. */
  readonly objects: ReadonlyMap<string, QualifiedName>;
}

/** Why an object that no mapping names goes where it goes. */
export interface PlacementNote {
  readonly object: SourceObject;
  readonly to: Place;
  readonly why: string;
}

export interface Placement {
  readonly places: ReadonlyMap<string, readonly Place[]>;
  readonly reasons: ReadonlyMap<string, string>;
  readonly notes: readonly PlacementNote[];
}

interface Placing {
  readonly inventory: Inventory;
  readonly mappings: readonly TableMapping[];
  readonly references: References;
  readonly choices: PlacementChoices;
  /** In the mapping's order. */
  readonly domains: readonly string[];
  readonly names: NameBook;
  readonly routineNames: NameBook;
  readonly merges: Merges;
  readonly places: Map<string, readonly Place[]>;
  readonly notes: PlacementNote[];
}

/** Says of each object of the source where it goes: tables by the mapping, all else with the tables that it has to do with. */
export function placeObjects(
  inventory: Inventory,
  references: References,
  { tables, choices }: { readonly tables: readonly TableMapping[]; readonly choices: PlacementChoices },
): Placement {
  const domains = [...new Set(tables.map(({ target }) => target.schema))];
  const placing: Placing = {
    inventory,
    mappings: tables,
    references,
    choices,
    domains,
    names: new NameBook(),
    routineNames: new NameBook(),
    merges: new Merges(tables),
    places: new Map(),
    notes: [],
  };
  placeTables(placing);
  placeOwned(placing);
  placeOthers(placing);
  // Once more for those of materialized views.
  placeOwned(placing);
  return { places: placing.places, reasons: reasonsOf(placing), notes: placing.notes };
}

function placeTables(placing: Placing): void {
  const { inventory, names, places, merges } = placing;
  for (const { source, target } of placing.mappings) {
    const from = { schema: source.schema, name: source.table };
    const key = objectKey('relation', from);
    const place = { schema: target.schema, name: target.table };
    if (!merges.isBehind(from, place)) names.claim(place.schema, place.name, source.schema);
    places.set(key, [...(places.get(key) ?? []), place]);
  }
  // Partitions whose root is mapped go with it, a level at a time.
  const partitions = inventory.all().filter(({ kind, owner }) => kind === 'table' && owner);
  for (let level = 0; level < partitions.length; level++) {
    for (const partition of partitions) follow(placing, partition);
  }
}

/** Indexes, sequences of columns, statistics. */
function placeOwned(placing: Placing): void {
  for (const object of placing.inventory.all()) {
    if (object.owner && object.kind !== 'table') follow(placing, object);
  }
}

/** What a table has that is merged behind another does not come along: the first one's does. */
function follow(placing: Placing, object: SourceObject): void {
  const { names, places, merges } = placing;
  if (places.has(keyOf(object))) return;
  const { schema, name } = object.place;
  const all = places.get(objectKey('relation', object.owner!)) ?? [];
  const owners = all.filter((owner) => !merges.isBehind(object.owner!, owner) && !lacksColumn(object, owner, placing));
  if (owners.length === 0) return;
  places.set(
    keyOf(object),
    owners.map((owner) => {
      const wanted = owner === plainOwner(owners, owner, object) ? name : nameWith(owner, object);
      return { schema: owner.schema, name: names.claim(owner.schema, wanted, schema), owner };
    }),
  );
}

/** Of the tables of a schema that something goes with, the one where it keeps its name: the one that keeps its own, or the first. */
function plainOwner(owners: readonly Place[], { schema }: Place, { owner }: SourceObject): Place | undefined {
  const beside = owners.filter((one) => one.schema === schema);
  return beside.find(({ name }) => name === owner!.name) ?? beside[0];
}

/** As PostgreSQL would call it, had it been made with the table at that place: `users_pkey` of `profiles` is `profiles_pkey`. */
function nameWith(table: Place, { owner, place: { name } }: SourceObject): string {
  const own = `${owner!.name}_`;
  return `${table.name}_${name.startsWith(own) ? name.slice(own.length) : name}`;
}

/** Of a table that is split a sequence or index goes where its columns do. */
function lacksColumn(object: SourceObject, place: Place, { inventory, mappings, merges }: Placing): boolean {
  const { owner, ownerColumns = [], isKey } = object;
  // The key of a table with lineage is made of what there is, by the name of the source's.
  if (isKey && merges.lineageAt(place).length > 0) return false;
  const table = ownerColumns.length === 0 ? undefined : inventory.find('relation', owner!);
  if (!table) return false;
  const { changes } = tableColumns(table, place, { mappings, inventory });
  const isThere = (column: string) => !changes.has(column) || changes.get(column) !== undefined;
  const fixed = fixedColumns(mappingOf(table, place, { mappings, inventory }), isThere);
  const lost = ownerColumns.filter((column) => !isThere(column));
  return lost.some((column) => object.kind !== 'index' || !fixed.has(column)) || lost.length === ownerColumns.length;
}

/** Views, routines, types and sequences of their own, those that have to do with tables before those that know only these. */
function placeOthers(placing: Placing): void {
  const { inventory, places } = placing;
  const isOpen = (object: SourceObject) => !places.has(keyOf(object)) && !object.owner && !TABLES.has(object.kind);
  for (const object of inventory.all().filter(isOpen)) chosenPlace(placing, object);
  for (let open = inventory.all().filter(isOpen), before = -1; open.length !== before; ) {
    before = open.length;
    for (const object of open) placeByNeighbours(placing, object);
    open = inventory.all().filter(isOpen);
  }
  for (const object of inventory.all().filter(isOpen)) {
    if (namesOnlyLeft(placing, object)) continue;
    place(placing, object, placing.choices.shared ?? placing.domains[0]!, 'nothing that moves has to do with it');
  }
}

const TABLES = new Set(['table', 'foreign table']);

function chosenPlace({ choices, names, places, notes }: Placing, object: SourceObject): void {
  const chosen = choices.objects.get(displayPlace(object.place));
  if (!chosen) return;
  const to = { schema: chosen.schema, name: names.claim(chosen.schema, chosen.table, object.place.schema) };
  places.set(keyOf(object), [to]);
  notes.push({ object, to, why: 'the configuration says so' });
}

function placeByNeighbours(placing: Placing, object: SourceObject): void {
  const key = keyOf(object);
  const named = [...(placing.references.get(key) ?? [])];
  const naming = [...placing.references].flatMap(([from, all]) => (all.has(key) ? [from] : []));
  // A routine or view belongs to what it reads, a type or sequence to who uses it.
  const order = object.class === 'routine' || object.kind.endsWith('view') ? [named, naming] : [naming, named];
  const isTable = (one: string) => TABLES.has(objectAt(placing, one)?.kind ?? '');
  const tiers = [...order.map((keys) => keys.filter(isTable)), ...order];
  const neighbours = tiers.map((keys) => keys.filter((one) => placing.places.has(one))).find((keys) => keys.length > 0);
  if (!neighbours) return;
  const schemas = new Set(neighbours.flatMap((one) => placing.places.get(one)!.map(({ schema }) => schema)));
  const shown = neighbours.map((one) => displayPlace(objectAt(placing, one)!.place)).join(', ');
  if (schemas.size === 1) return place(placing, object, [...schemas][0]!, `goes with ${shown}`);
  const first = placing.domains.find((schema) => schemas.has(schema)) ?? [...schemas][0]!;
  place(
    placing,
    object,
    placing.choices.shared ?? first,
    `has to do with ${[...schemas].sort().join(' and ')}: ${shown}`,
  );
}

function place(
  { names, routineNames, places, notes }: Placing,
  object: SourceObject,
  schema: string,
  why: string,
): void {
  const book = object.class === 'routine' ? routineNames : names;
  const to = { schema, name: book.claim(schema, object.place.name, object.place.schema) };
  places.set(keyOf(object), [to]);
  notes.push({ object, to, why });
}

const objectAt = ({ inventory }: Placing, key: string): SourceObject | undefined => {
  const [kind, schema, name] = JSON.parse(key) as [SourceObject['class'], string, string];
  return inventory.find(kind, { schema, name });
};

/** All tables that it names stay behind, and so does it. */
function namesOnlyLeft({ references, places }: Placing, object: SourceObject): boolean {
  const key = keyOf(object);
  const naming = [...references].flatMap(([from, all]) => (all.has(key) ? [from] : []));
  const around = [...(references.get(key) ?? []), ...naming];
  return around.length > 0 && around.every((one) => !places.has(one));
}

function reasonsOf({ inventory, places }: Placing): Map<string, string> {
  const left = inventory.all().filter((object) => !places.has(keyOf(object)));
  return new Map(
    left.map((object) => [
      keyOf(object),
      TABLES.has(object.kind) ? 'is not in the mapping' : 'has to do only with what is not in the mapping',
    ]),
  );
}
