import { renameColumns } from './column-walk.js';
import type { Grammar, SyntaxNode } from './grammar.js';
import {
  type DumpStatement,
  type Inventory,
  isRowKind,
  keyOf,
  listPlace,
  type ObjectClass,
  objectKey,
  rangePlace,
  type SourceObject,
} from './inventory.js';
import { moveParsed, moveSql } from './move-sql.js';
import type { Names, Place, TableColumns } from './names.js';
import { bodyOf, moveRoutine, searchPathOf } from './routine.js';
import { isNode } from './syntax.js';

/** Who names whom, by keys of objects: what names a table's trigger or policy, the table names. */
export type References = ReadonlyMap<string, ReadonlySet<string>>;

/** Where a name without a schema is looked up by a body that does not say it. */
export const DEFAULT_PATH = ['public'];

/** The object that a statement is about; undefined of one that is about none, such as a grant. */
export function subjectOf({ kind, node }: DumpStatement, inventory: Inventory): string | undefined {
  const subject = SUBJECTS[kind]?.(node as SyntaxNode);
  if (!subject) return undefined;
  const [kindOfObject, place] = subject;
  const object = inventory.find(kindOfObject, place);
  // An index belongs to its table.
  return object && (object.kind === 'index' ? objectKey('relation', object.owner!) : keyOf(object));
}

type Subject = readonly [ObjectClass, Place];

const ofRelation =
  (field: string) =>
  (node: SyntaxNode): Subject => ['relation', rangePlace(node[field])];

const SUBJECTS: Readonly<Record<string, (node: SyntaxNode) => Subject>> = {
  CreateStmt: ofRelation('relation'),
  AlterTableStmt: ofRelation('relation'),
  IndexStmt: ofRelation('relation'),
  CreateTrigStmt: ofRelation('relation'),
  RuleStmt: ofRelation('relation'),
  CreatePolicyStmt: ofRelation('table'),
  ViewStmt: ofRelation('view'),
  CreateTableAsStmt: (node) => ['relation', rangePlace((node.into as SyntaxNode).rel)],
  CreateFunctionStmt: (node) => ['routine', listPlace(node.funcname)],
  CreateDomainStmt: (node) => ['type', listPlace(node.domainname)],
  CompositeTypeStmt: (node) => ['type', rangePlace(node.typevar)],
  CreateRangeStmt: (node) => ['type', listPlace(node.typeName)],
};

/** Finds who names whom in all statements, bodies of functions included. */
export function referencesOf(statements: readonly DumpStatement[], inventory: Inventory, grammar: Grammar): References {
  const references = new Map<string, Set<string>>();
  for (const statement of statements) {
    const subject = subjectOf(statement, inventory);
    if (subject === undefined) continue;
    const found = references.get(subject) ?? new Set();
    for (const key of namedIn(statement, inventory, grammar)) if (key !== subject) found.add(key);
    references.set(subject, found);
  }
  return references;
}

/** Keys of the objects that a statement names. */
export function namedIn({ kind, node, sql }: DumpStatement, inventory: Inventory, grammar: Grammar): Set<string> {
  const collector = new Collector(inventory, []);
  const moving = { names: collector, grammar };
  if (kind !== 'CreateFunctionStmt') {
    moveParsed(sql, moving, (statements, walk) => renameColumns(statements, [], walk));
    return collector.seen;
  }
  const path = searchPathOf(node) ?? DEFAULT_PATH;
  const inner = new Collector(inventory, path);
  // Names of the statement itself are qualified; those of its body are looked up by its path.
  if (isNode(node.sql_body) || bodyOf(node) === undefined) moveSql(sql, [], moving);
  else moveRoutine(sql, { names: inner, grammar, extensionSchemas: [], scope: [] });
  return new Set([...collector.seen, ...inner.seen]);
}

/** Looks up and changes nothing. */
class Collector implements Names {
  readonly #inventory: Inventory;
  readonly #path: readonly string[];
  readonly seen = new Set<string>();

  constructor(inventory: Inventory, path: readonly string[]) {
    this.#inventory = inventory;
    this.#path = path;
  }

  readonly relation = (schema: string | undefined, name: string): undefined =>
    this.#see(schema, name, ['relation', 'type']);
  readonly type = (schema: string | undefined, name: string): undefined =>
    this.#see(schema, name, ['type', 'relation']);
  readonly routine = (schema: string | undefined, name: string): undefined => this.#see(schema, name, ['routine']);

  operator(): undefined {}

  isRow(schema: string | undefined, name: string): boolean {
    const found = this.#find(schema, name, ['relation', 'type']);
    return found !== undefined && isRowKind(found);
  }

  columns(): TableColumns | undefined {
    return undefined;
  }

  #see(schema: string | undefined, name: string, classes: readonly ObjectClass[]): undefined {
    const found = this.#find(schema, name, classes);
    if (found) this.seen.add(keyOf(found));
  }

  #find(schema: string | undefined, name: string, classes: readonly ObjectClass[]): SourceObject | undefined {
    const schemas = schema === undefined ? this.#path : [schema];
    const all = schemas.flatMap((one) => classes.map((kind) => this.#inventory.find(kind, { schema: one, name })));
    return all.find((object) => object !== undefined);
  }
}
