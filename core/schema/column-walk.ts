import {
  isChanged,
  outputNames,
  relationItem,
  resolveColumn,
  resolveQualifier,
  type Scope,
  type ScopeItem,
} from './column-scope.js';
import type { SyntaxNode } from './grammar.js';
import type { Names } from './names.js';
import type { Edit } from './splice.js';
import { isNode, itemsOf, placeOf, stringNode, stringOf, stringsOf } from './syntax.js';

/** What renaming columns in a statement comes to. */
export interface ColumnWalk {
  readonly names: Names;
  readonly edits: Edit[];
  /** Why the statement cannot be moved. */
  readonly problems: string[];
  /** What a person should look at. */
  readonly remarks: string[];
}

/** Renames columns in queries and expressions, wherever it is certain whose they are. */
export function renameColumns(value: unknown, scope: Scope, walk: ColumnWalk): void {
  if (Array.isArray(value)) {
    for (const item of value) renameColumns(item, scope, walk);
    return;
  }
  if (!isNode(value)) return;
  for (const [kind, inner] of Object.entries(value)) {
    const rename = isNode(inner) ? BY_KIND[kind] : undefined;
    if (rename) rename(inner as SyntaxNode, scope, walk);
    else renameColumns(inner, scope, walk);
  }
}

const BY_KIND: Readonly<Record<string, (node: SyntaxNode, scope: Scope, walk: ColumnWalk) => void>> = {
  SelectStmt: renameInSelect,
  InsertStmt: renameInInsert,
  UpdateStmt: (node, scope, walk) => renameInChange(node, node.fromClause, { scope, walk }),
  DeleteStmt: (node, scope, walk) => renameInChange(node, node.usingClause, { scope, walk }),
  MergeStmt: (node, scope, walk) => renameInChange(node, node.sourceRelation, { scope, walk }),
  ColumnRef: (node, scope, walk) => void renameColumn(node, scope, { walk }),
};

interface Around {
  readonly scope: Scope;
  readonly walk: ColumnWalk;
}

/** Opens a level with the statement's WITH queries. */
function withLevel(node: SyntaxNode, { scope, walk }: Around): Scope {
  const withs = new Map<string, ReadonlySet<string> | undefined>();
  const level: Scope = [{ items: [], withs }, ...scope];
  for (const item of itemsOf((node.withClause as SyntaxNode | undefined)?.ctes)) {
    const { ctename, aliascolnames, ctequery } = item.CommonTableExpr as SyntaxNode;
    const [inner] = Object.values(ctequery as SyntaxNode) as SyntaxNode[];
    const columns = aliascolnames ? new Set(stringsOf(aliascolnames)) : outputNames(inner!);
    withs.set(ctename as string, columns);
    renameColumns(ctequery, level, walk);
  }
  return level;
}

function renameInSelect(node: SyntaxNode, scope: Scope, walk: ColumnWalk): void {
  const outer = withLevel(node, { scope, walk });
  if (isNode(node.larg)) {
    renameInSelect(node.larg, outer, walk);
    renameInSelect(node.rarg as SyntaxNode, outer, walk);
    return;
  }
  const inner = fromLevel(itemsOf(node.fromClause), { scope: outer, walk });
  renameOutputs(node.targetList, inner, walk);
  for (const [field, value] of Object.entries(node)) {
    if (!SELECT_DONE.has(field)) renameColumns(value, inner, walk);
  }
}

const SELECT_DONE = new Set(['withClause', 'fromClause', 'targetList', 'larg', 'rarg', 'intoClause', 'lockingClause']);

/** A query's columns keep their names, whatever the tables call them now. */
function renameOutputs(list: unknown, scope: Scope, walk: ColumnWalk): void {
  for (const item of itemsOf(list)) {
    const target = item.ResTarget as SyntaxNode | undefined;
    const val = target?.val;
    if (target && target.name === undefined && isNode(val) && isNode(val.ColumnRef)) {
      const kept = stringOf(itemsOf(val.ColumnRef.fields).at(-1));
      if (renameColumn(val.ColumnRef, scope, { walk, alias: kept })) target.name = kept;
    } else renameColumns(item, scope, walk);
  }
}

/** Opens a level of what FROM lists. */
function fromLevel(list: readonly unknown[], { scope, walk }: Around): Scope {
  const items: ScopeItem[] = [];
  // LATERAL sees what stands before it.
  const level: Scope = [{ items, withs: new Map() }, ...scope];
  for (const entry of list) addFrom(entry, items, { scope: level, walk });
  return level;
}

function addFrom(entry: unknown, items: ScopeItem[], around: Around): void {
  if (!isNode(entry)) return;
  const { RangeVar, RangeSubselect, JoinExpr, RangeTableSample } = entry as Record<string, SyntaxNode | undefined>;
  if (RangeVar) items.push(relationItem(RangeVar, around.walk.names, around.scope));
  else if (RangeTableSample) addFrom(RangeTableSample.relation, items, around);
  else if (RangeSubselect) {
    renameColumns(RangeSubselect.subquery, around.scope, around.walk);
    const { aliasname = '', colnames } = (RangeSubselect.alias ?? {}) as { aliasname?: string; colnames?: unknown };
    const select = (RangeSubselect.subquery as SyntaxNode).SelectStmt as SyntaxNode;
    items.push({ alias: aliasname, columns: colnames ? new Set(stringsOf(colnames)) : outputNames(select) });
  } else if (JoinExpr) addJoin(JoinExpr, items, around);
  else {
    renameColumns(entry, around.scope, around.walk);
    const { alias } = (Object.values(entry)[0] ?? {}) as { alias?: { aliasname?: string } };
    items.push({ alias: alias?.aliasname ?? '' });
  }
}

function addJoin(join: SyntaxNode, items: ScopeItem[], around: Around): void {
  const before = items.length;
  addFrom(join.larg, items, around);
  addFrom(join.rarg, items, around);
  const joined = items.slice(before);
  const shared = stringsOf(join.usingClause).find((name) => joined.some((item) => isChanged(item, name)));
  if (shared !== undefined) around.walk.problems.push(`JOIN USING (${shared}) of a column that changes its name`);
  if (join.isNatural === true && joined.some(({ table }) => table && table.changes.size > 0)) {
    around.walk.problems.push('NATURAL JOIN of a table whose columns change their names');
  }
  renameColumns(join.quals, around.scope, around.walk);
}

function renameInInsert(node: SyntaxNode, scope: Scope, walk: ColumnWalk): void {
  const outer = withLevel(node, { scope, walk });
  const item = relationItem(node.relation as SyntaxNode, walk.names, outer);
  renameTargets(node.cols, item, walk);
  if (!node.cols && [...(item.table?.changes.values() ?? [])].includes(undefined)) {
    walk.problems.push('INSERT without a list of columns into a table of which some do not move');
  }
  renameColumns(node.selectStmt, outer, walk);
  const { alias: _own, ...excluded } = item;
  const level = { items: [item, { ...excluded, alias: 'excluded' }], withs: new Map() };
  const inner: Scope = [{ items: [item], withs: new Map() }, ...outer];
  const conflict = node.onConflictClause as SyntaxNode | undefined;
  if (conflict) {
    renameArbiter(conflict.infer, node.relation as SyntaxNode, walk);
    renameNamed(itemsOf((conflict.infer as SyntaxNode | undefined)?.indexElems), 'IndexElem', { item, walk });
    renameColumns(conflict.infer, inner, walk);
    renameSet(conflict.targetList, item, { scope: [level, ...outer], walk });
    renameColumns(conflict.whereClause, [level, ...outer], walk);
  }
  renameOutputs((node.returningClause as SyntaxNode | undefined)?.exprs, inner, walk);
}

/** ON CONFLICT ON CONSTRAINT: of a key, which has the name of its index. */
function renameArbiter(infer: unknown, table: SyntaxNode, { names, edits }: ColumnWalk): void {
  if (!isNode(infer) || typeof infer.conname !== 'string') return;
  const place = names.relation(table.schemaname as string | undefined, infer.conname);
  if (!place || place.name === infer.conname) return;
  edits.push({ from: [infer.conname], to: [place.name] });
  infer.conname = place.name;
}

/** UPDATE, DELETE and MERGE. */
function renameInChange(node: SyntaxNode, from: unknown, { scope, walk }: Around): void {
  const outer = withLevel(node, { scope, walk });
  const item = relationItem(node.relation as SyntaxNode, walk.names, outer);
  const [own, ...rest] = fromLevel(Array.isArray(from) ? from : [from], { scope: outer, walk });
  const inner: Scope = [{ items: [item, ...own!.items], withs: new Map() }, ...rest];
  renameSet(node.targetList, item, { scope: inner, walk });
  for (const entry of itemsOf(node.mergeWhenClauses)) {
    const when = entry.MergeWhenClause as SyntaxNode;
    renameSet(when.targetList, item, { scope: inner, walk });
    renameColumns([when.condition, when.values], inner, walk);
  }
  renameColumns([node.whereClause, node.joinCondition], inner, walk);
  renameOutputs((node.returningClause as SyntaxNode | undefined)?.exprs, inner, walk);
}

function renameSet(list: unknown, item: ScopeItem, { scope, walk }: Around): void {
  renameTargets(list, item, walk);
  for (const entry of itemsOf(list)) renameColumns((entry.ResTarget as SyntaxNode).val, scope, walk);
}

/** Columns that are written. */
function renameTargets(list: unknown, item: ScopeItem, walk: ColumnWalk): void {
  for (const entry of itemsOf(list)) {
    const target = entry.ResTarget as SyntaxNode;
    const name = target.name as string | undefined;
    if (name === undefined) continue;
    const to = newName(item, name, walk);
    if (to === undefined) continue;
    target.name = to;
    walk.edits.push({ at: placeOf(target), from: [name], to: [to] });
  }
}

interface Owned {
  readonly item: ScopeItem;
  readonly walk: ColumnWalk;
}

/** Nodes that name a column in their field `name`, and do not say where they stand: elements of an index and the like. */
export function renameNamed(list: readonly SyntaxNode[], kind: string, { item, walk }: Owned): void {
  for (const entry of list) {
    const node = entry[kind] as SyntaxNode | undefined;
    const to = typeof node?.name === 'string' ? newName(item, node.name, walk) : undefined;
    if (!node || to === undefined) continue;
    walk.edits.push({ from: [node.name as string], to: [to] });
    node.name = to;
  }
}

/** A list of columns that are plain strings. */
export function renameStrings(list: unknown, { item, walk }: Owned): void {
  const items = itemsOf(list);
  for (const [index, entry] of items.entries()) {
    const name = stringOf(entry);
    const to = name === undefined ? undefined : newName(item, name, walk);
    if (name === undefined || to === undefined) continue;
    items[index] = stringNode(to);
    walk.edits.push({ from: [name], to: [to] });
  }
}

/** @returns undefined where it keeps its name, or does not move, which is a problem. */
export function newName({ alias, table }: ScopeItem, column: string, { problems }: ColumnWalk): string | undefined {
  if (!table?.changes.has(column)) return undefined;
  const to = table.changes.get(column);
  if (to === undefined) problems.push(`the column ${alias}.${column}, which does not move`);
  return to;
}

/** @returns whether its last part is another now. */
function renameColumn(ref: SyntaxNode, scope: Scope, { walk, alias }: { walk: ColumnWalk; alias?: string }): boolean {
  const fields = itemsOf(ref.fields);
  const parts = stringsOf(fields);
  if (parts.length < fields.length) return remarkStar(parts, scope, walk);
  const column = parts.at(-1)!;
  const qualifier = parts.slice(0, -1);
  const item = qualifier.length > 0 ? resolveQualifier(scope, qualifier) : ownerOf(column, scope, walk);
  if (!item) return false;
  const to = newName(item, column, walk);
  const prefix = qualifier.length === 0 ? [] : [item.newAlias ?? item.alias];
  const now = [...prefix, to ?? column];
  if (now.join('.') === parts.join('.')) return false;
  ref.fields = now.map(stringNode);
  walk.edits.push({
    at: placeOf(ref),
    from: parts,
    to: now,
    ...(to !== undefined && alias !== undefined ? { alias } : {}),
  });
  return to !== undefined;
}

function ownerOf(column: string, scope: Scope, walk: ColumnWalk): ScopeItem | undefined {
  const found = resolveColumn(scope, column);
  if (found.kind === 'unclear') walk.problems.push(`the column ${column}: which table's it is cannot be told`);
  return found.kind === 'column' ? found.item : undefined;
}

function remarkStar(qualifier: readonly string[], scope: Scope, { remarks }: ColumnWalk): boolean {
  const items = qualifier.length > 0 ? [resolveQualifier(scope, qualifier)] : (scope[0]?.items ?? []);
  const changed = items.find((item) => item?.table && item.table.changes.size > 0);
  if (changed) remarks.push(`* of ${changed.alias}, whose columns have other names now`);
  return false;
}
