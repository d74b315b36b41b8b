import { displayName, type QualifiedName } from '../../../core/relation.js';
import type { NameBook } from '../../../core/schema/name-book.js';
import type { CatalogType } from '../preflight/catalog.js';
import type { AssignedTable } from './assign-tables.js';
import type { MapRule } from './parse-map.js';
import type { SourceParts } from './source-parts.js';

/** An enum, domain or composite type that the target gets. */
export interface MovedType {
  readonly type: CatalogType;
  readonly target: QualifiedName;
  /** Why it goes to that schema, for a comment. */
  readonly why: string;
}

export interface TypePlan {
  /** In an order in which they can be created. */
  readonly moved: readonly MovedType[];
  /** Extensions that columns need, with the first such column. */
  readonly extensions: ReadonlyMap<string, string>;
  /** Columns of types that cannot be created here: ranges, base types, rows of a table. */
  readonly unsupported: readonly { readonly type: CatalogType; readonly column: string }[];
}

interface Planning {
  readonly types: ReadonlyMap<number, CatalogType>;
  readonly rules: readonly MapRule[];
  readonly names: NameBook;
  readonly moved: Map<number, MovedType>;
  readonly extensions: Map<string, string>;
  readonly unsupported: Map<number, { readonly type: CatalogType; readonly column: string }>;
}

/**
 * Finds the types that the mapped tables use. A type follows the --map of its schema where there is one, else it goes
 * to the domain schema of the first table that uses it.
 */
export function planTypes(
  tables: readonly AssignedTable[],
  types: ReadonlyMap<number, CatalogType>,
  parts: Pick<SourceParts, 'columns' | 'constraints' | 'indexes' | 'dependencies'>,
  naming: { readonly rules: readonly MapRule[]; readonly names: NameBook },
): TypePlan {
  const planning = { types, ...naming, moved: new Map(), extensions: new Map(), unsupported: new Map() };
  for (const table of tables) {
    const columns = parts.columns.filter((column) => column.table === table.source.oid);
    for (const column of columns) {
      visit(planning, column.type, { table, column: `${displayName(table.source)}.${column.name}` });
    }
  }
  for (const table of tables) {
    for (const type of typesInExpressions(table, parts)) {
      // A type that cannot be created keeps its expression from being created too, and that is said there.
      visit({ ...planning, unsupported: new Map() }, type, { table, column: displayName(table.source) });
    }
  }
  return {
    moved: [...planning.moved.values()],
    extensions: planning.extensions,
    unsupported: [...planning.unsupported.values()],
  };
}

/** Types that a default, a check or an index of the table casts to. */
function typesInExpressions(
  { source }: AssignedTable,
  parts: Pick<SourceParts, 'columns' | 'constraints' | 'indexes' | 'dependencies'>,
): number[] {
  const ofTable = <T extends { readonly table: number }>(items: readonly T[]) =>
    items.filter((item) => item.table === source.oid);
  const objects = new Set([
    ...ofTable(parts.columns).map((column) => `pg_attrdef ${column.expressionId}`),
    ...ofTable(parts.constraints).map((constraint) => `pg_constraint ${constraint.oid}`),
    ...ofTable(parts.indexes).map((index) => `pg_class ${index.oid}`),
  ]);
  return parts.dependencies
    .filter((part) => part.neededClass === 'pg_type' && objects.has(`${part.class} ${part.object}`))
    .map((part) => part.needed);
}

/** What a type is made of comes before it. */
function visit(planning: Planning, oid: number, use: { readonly table: AssignedTable; readonly column: string }): void {
  const type = planning.types.get(oid);
  if (!type || planning.moved.has(oid)) return;
  if (type.element !== 0) return visit(planning, type.element, use);
  if (type.extension !== null) {
    if (!planning.extensions.has(type.extension)) planning.extensions.set(type.extension, use.column);
    return;
  }
  if (type.schema === 'pg_catalog' || type.schema === 'information_schema') return;
  if (type.isRowType || !(type.kind === 'e' || type.kind === 'd' || type.kind === 'c')) {
    planning.unsupported.set(oid, { type, column: use.column });
    return;
  }
  for (const inner of [type.base, ...type.attributes.map((attribute) => attribute.type)]) visit(planning, inner, use);
  planning.moved.set(oid, move(planning, type, use.table));
}

function move({ rules, names }: Planning, type: CatalogType, user: AssignedTable): MovedType {
  const rule = rules.find(({ source }) => source.schema === type.schema && source.table === undefined);
  const schema = rule?.target.schema ?? user.target.schema;
  return {
    type,
    target: { schema, table: names.claim(schema, type.name, type.schema) },
    why: rule ? `by --map ${rule.text}` : `with ${displayName(user.source)}, the first table that uses it`,
  };
}
