import { FerryError } from '../../../core/errors.js';
import { dumpEntries } from '../dump.js';
import type { SchemaObject } from '../inventory.js';
import { partsOf } from '../object-name.js';

/** Kinds of the inventory, as the headings of a dump call them. */
const TYPES: Readonly<Record<string, string>> = {
  schema: 'SCHEMA',
  extension: 'EXTENSION',
  table: 'TABLE',
  view: 'VIEW',
  'materialized view': 'MATERIALIZED VIEW',
  sequence: 'SEQUENCE',
  index: 'INDEX',
  policy: 'POLICY',
  trigger: 'TRIGGER',
  function: 'FUNCTION',
  procedure: 'PROCEDURE',
  aggregate: 'AGGREGATE',
  enum: 'TYPE',
  type: 'TYPE',
  domain: 'DOMAIN',
};
const KNOWN = new Set([...Object.values(TYPES), 'CONSTRAINT', 'FK CONSTRAINT']);

/** A dump has it only where somebody changed it. */
const PUBLIC = 'public';

/** A dump, and a schema that should have the same objects. */
export interface Contents {
  readonly dump: string;
  readonly objects: readonly SchemaObject[];
}

/**
 * Compares a schema with a snapshot by what there is, for that can be done before a transaction ends, when pg_dump does not
 * see it yet.
 * @param known a dump and the catalog of the same state: what differs there differs by the way of looking alone.
 * @throws FerryError `migrations-refused` that names what is missing, and what is there still.
 */
export function refuseOtherContents(wanted: Contents & { readonly name: string }, known: Contents): void {
  const noise = new Set(differences(known));
  const found = differences(wanted).filter((one) => !noise.has(one));
  if (found.length === 0) return;
  const more = found.length > SHOWN ? ` and ${found.length - SHOWN} more` : '';
  throw new FerryError(
    'migrations-refused',
    `the way back does not lead to ${wanted.name}: ${found.slice(0, SHOWN).join(', ')}${more}`,
    { remedy: 'All of it was rolled back. Look at the snapshot, or undo by scripts: ferry db rollback VERSION.' },
  );
}

const SHOWN = 5;

/** `missing TABLE growth.t`, `surplus INDEX growth.i`. */
export function differences({ dump, objects }: Contents): string[] {
  const [wanted, there] = [counted(dumped(dump)), counted(inCatalog(objects))];
  return [
    ...[...wanted].filter(([key, count]) => (there.get(key) ?? 0) < count).map(([key]) => `missing ${key}`),
    ...[...there].filter(([key, count]) => (wanted.get(key) ?? 0) < count).map(([key]) => `surplus ${key}`),
  ];
}

/** Functions of one name count together. */
function counted(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function dumped(dump: string): string[] {
  return dumpEntries(dump).flatMap(({ type, schema, name }) => {
    if (type === 'SCHEMA' && name === PUBLIC) return [];
    const known = type === 'FOREIGN TABLE' ? 'TABLE' : type;
    if (!KNOWN.has(known)) return [];
    return [keyOf(known, schema === '-' ? [name] : [schema, name])];
  });
}

function inCatalog(objects: readonly SchemaObject[]): string[] {
  const constraints = objects.filter(({ kind }) => kind === 'constraint');
  // The index of a key comes with its constraint.
  const ofKeys = new Set(constraints.map(({ name }) => withoutTable(partsOf(name)).join('.')));
  return objects.flatMap(({ kind, name, definition }) => {
    if (kind === 'schema' && name === PUBLIC) return [];
    const parts = partsOf(name);
    if (kind === 'index' && ofKeys.has(parts.join('.'))) return [];
    const type = kind === 'constraint' ? constraintType(definition) : TYPES[kind];
    return type === undefined ? [] : [keyOf(type, parts)];
  });
}

/** Checks stand in CREATE TABLE. */
function constraintType(definition: string): string | undefined {
  if (definition.startsWith('FOREIGN KEY')) return 'FK CONSTRAINT';
  return definition.startsWith('CHECK') ? undefined : 'CONSTRAINT';
}

const withoutTable = ([schema, , name]: readonly string[]): string[] => [schema!, name!];

/** What belongs to a table has its name behind that of the table, with a blank between them. */
function keyOf(type: string, [first, ...others]: readonly string[]): string {
  const rest = others.join(' ').replace(/\(.*$/s, '');
  return rest === '' ? `${type} ${first}` : `${type} ${first}.${rest}`;
}
