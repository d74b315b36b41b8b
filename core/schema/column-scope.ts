import type { SyntaxNode } from './grammar.js';
import type { Names, TableColumns } from './names.js';
import { isNode, itemsOf, stringOf, stringsOf } from './syntax.js';

/** What FROM, or the statement itself, offers columns of. */
export interface ScopeItem {
  readonly alias: string;
  /** What it is called from now on, where that is something else. */
  readonly newAlias?: string;
  /** With it `schema.table.column` names it, too. */
  readonly schema?: string;
  readonly table?: TableColumns;
  /** Of a subquery; undefined, like `table`: nobody knows. */
  readonly columns?: ReadonlySet<string>;
}

/** One query's, with its WITH queries: their columns, or undefined where nobody knows them. */
export interface ScopeLevel {
  readonly items: readonly ScopeItem[];
  readonly withs: ReadonlyMap<string, ReadonlySet<string> | undefined>;
}

/** Innermost first. */
export type Scope = readonly ScopeLevel[];

export type Resolution =
  | { readonly kind: 'none' }
  /** Which of several it is cannot be told, and it matters. */
  | { readonly kind: 'unclear' }
  | { readonly kind: 'column'; readonly item: ScopeItem };

const offers = (item: ScopeItem, column: string): boolean =>
  (item.table?.columns ?? item.columns)?.has(column) === true;
const isUnknown = (item: ScopeItem): boolean => item.table === undefined && item.columns === undefined;
export const isChanged = (item: ScopeItem, column: string): boolean => item.table?.changes.has(column) === true;

/** Finds whose a column is that stands without its table. */
export function resolveColumn(scope: Scope, column: string): Resolution {
  let mayBeInner = false;
  for (const { items } of scope) {
    const found = items.filter((item) => offers(item, column));
    // The source took it, so one that is found here is not anything else's of the same query, too.
    if (found.length === 1) {
      return mayBeInner && isChanged(found[0]!, column) ? { kind: 'unclear' } : { kind: 'column', item: found[0]! };
    }
    if (found.length > 1) return found.some((item) => isChanged(item, column)) ? { kind: 'unclear' } : { kind: 'none' };
    mayBeInner ||= items.some(isUnknown);
  }
  return { kind: 'none' };
}

/** Finds what a column is qualified by: `alias`, or `schema` and `table`. */
export function resolveQualifier(scope: Scope, qualifier: readonly string[]): ScopeItem | undefined {
  const [name, schema] = qualifier.toReversed();
  for (const { items } of scope) {
    const found = items.find((item) => item.alias === name && (schema === undefined || item.schema === schema));
    if (found) return found;
  }
  return undefined;
}

export function withQuery(
  scope: Scope,
  name: string,
): { readonly columns: ReadonlySet<string> | undefined } | undefined {
  const level = scope.find(({ withs }) => withs.has(name));
  return level && { columns: level.withs.get(name) };
}

/** What a relation of FROM offers. */
export function relationItem(range: SyntaxNode, names: Names, scope: Scope): ScopeItem {
  const schema = range.schemaname as string | undefined;
  const name = range.relname as string;
  const { aliasname, colnames } = (range.alias ?? {}) as { aliasname?: string; colnames?: unknown };
  const alias = aliasname ?? name;
  if (colnames) return { alias, columns: new Set(stringsOf(colnames)) };
  const query = schema === undefined ? withQuery(scope, name) : undefined;
  if (query) return { alias, columns: query.columns };
  const table = names.columns(schema, name);
  return { alias, ...(aliasname === undefined && schema !== undefined ? { schema } : {}), ...(table ? { table } : {}) };
}

/** Names of a query's columns; undefined where they are not written. */
export function outputNames(select: SyntaxNode): ReadonlySet<string> | undefined {
  if (isNode(select.larg)) return outputNames(select.larg);
  const names = itemsOf(select.targetList).map((item) => outputName(item.ResTarget as SyntaxNode));
  return names.includes(undefined) || select.valuesLists ? undefined : new Set(names as string[]);
}

function outputName({ name, val }: SyntaxNode): string | undefined {
  if (typeof name === 'string') return name;
  const [kind, node] = Object.entries((val ?? {}) as SyntaxNode)[0] ?? [];
  if (kind === 'ColumnRef') return stringOf(itemsOf((node as SyntaxNode).fields).at(-1));
  if (kind === 'FuncCall') return stringsOf((node as SyntaxNode).funcname).at(-1);
  if (kind === 'TypeCast') return outputName({ val: (node as SyntaxNode).arg });
  return kind === undefined ? undefined : '?column?';
}
