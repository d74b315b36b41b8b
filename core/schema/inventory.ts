import { outputNames } from './column-scope.js';
import type { SyntaxNode } from './grammar.js';
import type { Place } from './names.js';
import { ownColumns } from './own-columns.js';
import { constantOf, isNode, itemsOf, nodesOf, stringsOf } from './syntax.js';

/** One statement of the source's dump. */
export interface DumpStatement {
  readonly kind: string;
  readonly node: Readonly<SyntaxNode>;
  readonly sql: string;
  /** In the dump, from 1 on. */
  readonly line: number;
}

export type ObjectClass = 'relation' | 'routine' | 'type';

/** An object that the dump makes. */
export interface SourceObject {
  readonly class: ObjectClass;
  /** For people: `table`, `function`. */
  readonly kind: string;
  readonly place: Place;
  /** The table that it goes with, wherever that goes: of an index, of a sequence that a column owns, of a partition. */
  readonly owner?: Place;
  /** Columns of it without which it is not made: the one that a sequence is of, those of an index or of statistics. */
  readonly ownerColumns?: readonly string[];
  /** A sequence that is made with its column. */
  readonly isIdentity?: boolean;
  /** An index that a constraint makes. */
  readonly isKey?: boolean;
  /** Of a table or view. */
  readonly columns?: readonly string[];
  /** Those of a table that are computed. */
  readonly generated?: ReadonlySet<string>;
}

/** All that a dump makes, by class and name. */
export class Inventory {
  readonly #objects = new Map<string, SourceObject>();

  add(object: SourceObject): void {
    const key = objectKey(object.class, object.place);
    this.#objects.set(key, { ...this.#objects.get(key), ...object });
  }

  find(kind: ObjectClass, place: Place): SourceObject | undefined {
    return this.#objects.get(objectKey(kind, place));
  }

  all(): SourceObject[] {
    return [...this.#objects.values()];
  }
}

export const objectKey = (kind: ObjectClass, { schema, name }: Place): string => JSON.stringify([kind, schema, name]);
export const keyOf = ({ class: kind, place }: SourceObject): string => objectKey(kind, place);

/** Whether its name is that of a type of rows. */
export const isRowKind = (object: SourceObject): boolean =>
  object.class === 'relation' || object.kind === 'composite type';

/** @param isOurs whether a schema is one whose objects may move; what a new project has by itself is none. */
export function inventoryOf(statements: readonly DumpStatement[], isOurs: (schema: string) => boolean): Inventory {
  const inventory = new Inventory();
  for (const { kind, node } of statements) {
    for (const object of FINDERS[kind]?.(node as SyntaxNode) ?? []) {
      if (isOurs(object.place.schema)) inventory.add(withKnown(inventory, object));
    }
  }
  return inventory;
}

/** A sequence is made first, and tells later whose it is. */
function withKnown(inventory: Inventory, object: SourceObject): SourceObject {
  const known = inventory.find(object.class, object.place);
  return known ? { ...known, ...object, kind: known.kind } : object;
}

export function rangePlace(range: unknown): Place {
  const { schemaname = '', relname } = range as { schemaname?: string; relname: string };
  return { schema: schemaname, name: relname };
}

export function listPlace(list: unknown): Place {
  const [schema, name] = stringsOf(list);
  return name === undefined ? { schema: '', name: schema ?? '' } : { schema: schema!, name };
}

const relation = (kind: string, place: Place, more: Partial<SourceObject> = {}): SourceObject[] => [
  { class: 'relation', kind, place, ...more },
];
const type = (kind: string, place: Place): SourceObject[] => [{ class: 'type', kind, place }];

/** The objects that a statement makes, or tells more about. */
const FINDERS: Readonly<Record<string, (node: SyntaxNode) => SourceObject[]>> = {
  CreateStmt: (node) =>
    relation('table', rangePlace(node.relation), { columns: columnsOf(node), generated: generatedOf(node) }),
  CreateForeignTableStmt: (node) => {
    const base = node.base as SyntaxNode;
    return relation('foreign table', rangePlace(base.relation), { columns: columnsOf(base) });
  },
  ViewStmt: (node) => relation('view', rangePlace(node.view), { columns: queryColumns(node.query, node.aliases) }),
  CreateTableAsStmt: (node) => {
    const into = node.into as SyntaxNode;
    return relation('materialized view', rangePlace(into.rel), { columns: queryColumns(node.query, into.colNames) });
  },
  CreateSeqStmt: (node) => relation('sequence', rangePlace(node.sequence)),
  AlterSeqStmt: (node) => {
    const owner = ownerOf(node);
    return owner ? relation('sequence', rangePlace(node.sequence), owner) : [];
  },
  IndexStmt: (node) => {
    const owner = rangePlace(node.relation);
    const ownerColumns = ownColumns('IndexStmt', node);
    return relation('index', { schema: owner.schema, name: node.idxname as string }, { owner, ownerColumns });
  },
  CreateStatsStmt: (node) => {
    const [first] = nodesOf(node.relations, 'RangeVar');
    const ownerColumns = ownColumns('CreateStatsStmt', node);
    return first ? relation('statistics', listPlace(node.defnames), { owner: rangePlace(first), ownerColumns }) : [];
  },
  AlterTableStmt: foundInAlterTable,
  CompositeTypeStmt: (node) => type('composite type', rangePlace(node.typevar)),
  CreateEnumStmt: (node) => type('enum', listPlace(node.typeName)),
  CreateRangeStmt: (node) => type('range type', listPlace(node.typeName)),
  CreateDomainStmt: (node) => type('domain', listPlace(node.domainname)),
  CreateFunctionStmt: (node) => [
    { class: 'routine', kind: node.is_procedure ? 'procedure' : 'function', place: listPlace(node.funcname) },
  ],
};

function columnsOf(node: SyntaxNode): string[] {
  return itemsOf(node.tableElts).flatMap((item) => (isNode(item.ColumnDef) ? [item.ColumnDef.colname as string] : []));
}

function generatedOf(node: SyntaxNode): ReadonlySet<string> {
  const columns = nodesOf(node.tableElts, 'ColumnDef').filter(({ constraints }) =>
    nodesOf(constraints, 'Constraint').some(({ contype }) => contype === 'CONSTR_GENERATED'),
  );
  return new Set(columns.map(({ colname }) => colname as string));
}

function queryColumns(query: unknown, aliases: unknown): string[] {
  const named = stringsOf(aliases);
  return named.length > 0 ? named : [...(outputNames((query as SyntaxNode).SelectStmt as SyntaxNode) ?? [])];
}

/** Table and column of `OWNED BY schema.table.column`. */
function ownerOf(node: SyntaxNode): Pick<SourceObject, 'owner' | 'ownerColumns'> | undefined {
  const owned = nodesOf(node.options, 'DefElem').find(({ defname }) => defname === 'owned_by');
  const [schema, name, column] = stringsOf(owned?.arg);
  return column === undefined ? undefined : { owner: { schema: schema!, name: name! }, ownerColumns: [column] };
}

/** Sequences of identity columns, indexes of constraints, partitions. */
function foundInAlterTable(node: SyntaxNode): SourceObject[] {
  const owner = rangePlace(node.relation);
  return itemsOf(node.cmds).flatMap((item): SourceObject[] => {
    const { subtype, def, name } = item.AlterTableCmd as SyntaxNode;
    if (!isNode(def)) return [];
    if (subtype === 'AT_AttachPartition' && node.objtype !== 'OBJECT_INDEX') {
      return relation('table', rangePlace((def.PartitionCmd as SyntaxNode).name), { owner });
    }
    if (!isNode(def.Constraint)) return [];
    const { contype, conname, options } = def.Constraint as SyntaxNode;
    if (contype === 'CONSTR_IDENTITY') {
      const named = nodesOf(options, 'DefElem').find(({ defname }) => defname === 'sequence_name');
      const of = { owner, ownerColumns: [name as string], isIdentity: true };
      return named ? relation('sequence', listPlace(named.arg), of) : [];
    }
    const makesIndex = contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_EXCLUSION';
    const ownerColumns = ownColumns('Constraint', def.Constraint as SyntaxNode);
    return makesIndex
      ? relation('index', { schema: owner.schema, name: conname as string }, { owner, ownerColumns, isKey: true })
      : [];
  });
}

/** Schemas that CREATE EXTENSION names, each once. */
export function extensionSchemasOf(statements: readonly DumpStatement[]): string[] {
  const schemas = statements
    .filter(({ kind }) => kind === 'CreateExtensionStmt')
    .flatMap(({ node }) => nodesOf(node.options, 'DefElem').filter(({ defname }) => defname === 'schema'))
    .flatMap(({ arg }) => stringsOf([arg]).concat(constantOf(arg)?.text ?? []));
  return [...new Set(schemas)].filter((schema) => schema !== 'pg_catalog');
}
