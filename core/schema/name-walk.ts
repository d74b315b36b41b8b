import type { SyntaxNode } from './grammar.js';
import type { Names, Place } from './names.js';
import type { Edit } from './splice.js';
import { constantOf, isNode, itemsOf, nodesOf, placeOf, setStrings, stringsOf } from './syntax.js';

type Lookup = (schema: string | undefined, name: string) => Place | undefined;

interface Walk {
  readonly names: Names;
  readonly edits: Edit[];
  /** Names of WITH queries, which hide relations. */
  readonly withs: ReadonlySet<string>;
  /** Relations that may have an alias. */
  readonly inFrom: ReadonlySet<SyntaxNode>;
  /** A string constant for SQL. */
  literal(text: string): string;
  /** A qualified name for SQL. */
  dotted(place: Place): string;
}

export interface Writing {
  literal(text: string): string;
  identifier(name: string): string;
}

/**
 * Gives relations, routines and types of a statement their new names, in the tree itself. Columns come first
 * ({@link renameColumns}): their tables are found by the old names.
 * @returns the same changes for the text.
 */
export function renameObjects(statement: SyntaxNode, names: Names, { literal, identifier }: Writing): Edit[] {
  const walk: Walk = {
    names,
    edits: [],
    withs: new Set(nodesOf(statement, 'CommonTableExpr').map(({ ctename }) => ctename as string)),
    inFrom: new Set(relationsInFrom(statement)),
    literal,
    dotted: ({ schema, name }) => `${identifier(schema)}.${identifier(name)}`,
  };
  visit(statement, walk);
  const places = new Set<number>();
  return walk.edits.filter((edit) => {
    const at = 'at' in edit ? edit.at : undefined;
    // A function's parameters stand in the tree twice.
    if (at !== undefined && places.has(at)) return false;
    if (at !== undefined) places.add(at);
    return true;
  });
}

function relationsInFrom(value: unknown): SyntaxNode[] {
  if (Array.isArray(value)) return value.flatMap(relationsInFrom);
  if (!isNode(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    if (FROM_FIELDS.has(field)) return [...nodesOf(inner, 'RangeVar'), ...relationsInFrom(inner)];
    const own = DML.has(field) && isNode(inner) && isNode(inner.relation) ? [inner.relation] : [];
    return [...own, ...relationsInFrom(inner)];
  });
}

const FROM_FIELDS = new Set(['fromClause', 'usingClause', 'sourceRelation']);
const DML = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

function visit(value: unknown, walk: Walk): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, walk);
    return;
  }
  if (!isNode(value)) return;
  if (typeof value.relname === 'string') renameRelation(value, walk);
  if (Array.isArray(value.names) && 'typemod' in value) renameType(value, walk);
  for (const [kind, inner] of Object.entries(value)) {
    // FOR UPDATE OF names what FROM calls the tables.
    if (kind === 'lockedRels') continue;
    if (isNode(inner)) BY_KIND[kind]?.(inner, walk);
    visit(inner, walk);
  }
}

function renameRelation(range: SyntaxNode, { names, edits, withs, inFrom }: Walk): void {
  const schema = range.schemaname as string | undefined;
  const name = range.relname as string;
  if (schema === undefined && withs.has(name)) return;
  const place = names.relation(schema, name);
  if (!place) return;
  range.schemaname = place.schema;
  range.relname = place.name;
  // Columns may be qualified by the table's name: the alias keeps it for them.
  const needsAlias = inFrom.has(range) && place.name !== name && !range.alias;
  if (needsAlias) range.alias = { aliasname: name };
  edits.push({
    at: placeOf(range),
    from: schema === undefined ? [name] : [schema, name],
    to: [place.schema, place.name],
    ...(needsAlias ? { alias: name } : {}),
  });
}

function renameType(type: SyntaxNode, { names, edits }: Walk): void {
  const parts = stringsOf(type.names);
  // table.column%TYPE
  const isColumn = type.pct_type === true;
  const [schema, name] = parts.length > (isColumn ? 2 : 1) ? parts : [undefined, ...parts];
  if (name === undefined) return;
  const place = isColumn ? names.relation(schema, name) : names.type(schema, name);
  if (!place) return;
  const changes = isColumn ? names.columns(schema, name)?.changes : undefined;
  const columns = isColumn ? parts.slice(-1).map((part) => changes?.get(part) ?? part) : [];
  const to = [place.schema, place.name, ...columns];
  setStrings(type, 'names', to);
  edits.push({ at: placeOf(type), from: parts, to });
}

/** Renames an object whose name is a list in a field. */
function renameList(
  node: SyntaxNode,
  field: string,
  lookup: Lookup,
  { names, edits }: Walk,
  options: ListOptions = {},
): void {
  const { behind = 0, at } = options;
  const parts = stringsOf(node[field]);
  const own = parts.slice(0, parts.length - behind);
  const last = parts.slice(parts.length - behind);
  const [schema, name] = own.length > 1 ? own.slice(-2) : [undefined, own[0]];
  if (name === undefined) return;
  const place = lookup(schema, name);
  if (!place) return;
  const changes = options.isColumn ? names.columns(schema, name)?.changes : undefined;
  const to = [place.schema, place.name, ...last.map((part) => changes?.get(part) ?? part)];
  setStrings(node, field, to);
  // What is no column stands elsewhere in the text: `policy ON table`.
  const [from, by] = options.isColumn ? [parts, to] : [own, [place.schema, place.name]];
  edits.push({ ...(at === undefined ? {} : { at }), from, to: by });
}

interface ListOptions {
  /** Parts behind the object's own name. */
  readonly behind?: number;
  /** The last part is a column of the object. */
  readonly isColumn?: boolean;
  readonly at?: number;
}

/** Names that are strings: `nextval('public.jobs_id_seq')`. */
function renameConstant(node: unknown, lookup: Lookup, { edits, literal, dotted }: Walk): void {
  const constant = constantOf(node);
  const match = constant && QUALIFIED.exec(constant.text);
  if (!match) return;
  const [schema, name] = [match[1], match[2]].map(unquoted);
  const place = lookup(schema, name!);
  if (!place) return;
  const text = dotted(place) + constant.text.slice(match[0].length);
  constant.node.sval = { sval: text };
  edits.push({ at: placeOf(constant.node), sql: literal(text) });
}

/** A name with or without a schema; behind it may stand the arguments of a routine. */
const QUALIFIED = /^(?:("(?:[^"]|"")+"|[a-z_][\w$]*)\.)?("(?:[^"]|"")+"|[a-z_][\w$]*)(?=$|\()/i;

const unquoted = (name: string | undefined): string | undefined =>
  name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name?.toLowerCase();

/** Functions whose first argument names a relation. */
const TAKES_RELATION = new Set(['nextval', 'currval', 'setval', 'to_regclass', 'pg_get_serial_sequence']);

const REG_TYPES: Readonly<Record<string, 'relation' | 'type' | 'routine'>> = {
  regclass: 'relation',
  regtype: 'type',
  regproc: 'routine',
  regprocedure: 'routine',
};

const RELATIONS = new Set(['TABLE', 'VIEW', 'MATVIEW', 'SEQUENCE', 'INDEX', 'FOREIGN_TABLE', 'STATISTIC_EXT']);
/** Objects that stand behind their table's name. */
const OF_TABLE = new Set(['COLUMN', 'TABCONSTRAINT', 'TRIGGER', 'POLICY', 'RULE']);
const objectType = (node: SyntaxNode): string => String(node.objtype ?? '').replace('OBJECT_', '');

/** Nodes whose names stand in fields of their own, by their kind. */
const BY_KIND: Readonly<Record<string, (node: SyntaxNode, walk: Walk) => void>> = {
  FuncCall(node, walk) {
    if (TAKES_RELATION.has(stringsOf(node.funcname).at(-1) ?? '')) {
      renameConstant(itemsOf(node.args)[0], walk.names.relation, walk);
    }
    renameList(node, 'funcname', walk.names.routine, walk, { at: placeOf(node) });
  },
  TypeCast(node, walk) {
    const kind = REG_TYPES[stringsOf((node.typeName as SyntaxNode).names).at(-1) ?? ''];
    if (kind) renameConstant(node.arg, walk.names[kind], walk);
  },
  A_Expr(node, { names, edits, dotted }) {
    const [name, ...more] = stringsOf(node.name);
    const schema = node.kind === 'AEXPR_OP' && more.length === 0 ? names.operator(name!) : undefined;
    if (schema === undefined) return;
    setStrings(node, 'name', [schema, name!]);
    // An operator is no identifier: it is never in quotes.
    const quoted = dotted({ schema, name: 'x' }).slice(0, -1);
    edits.push({ at: placeOf(node), sql: `OPERATOR(${quoted}${name})` });
  },
  ObjectWithArgs: (node, walk) => renameList(node, 'objname', walk.names.routine, walk),
  CreateFunctionStmt: (node, walk) => renameList(node, 'funcname', walk.names.routine, walk),
  CreateTrigStmt: (node, walk) => renameList(node, 'funcname', walk.names.routine, walk),
  CreateEnumStmt: (node, walk) => renameList(node, 'typeName', walk.names.type, walk),
  CreateRangeStmt: (node, walk) => renameList(node, 'typeName', walk.names.type, walk),
  CreateDomainStmt: (node, walk) => renameList(node, 'domainname', walk.names.type, walk),
  CreateStatsStmt: (node, walk) => renameList(node, 'defnames', walk.names.relation, walk),
  CommentStmt(node, walk) {
    const type = objectType(node);
    if (RELATIONS.has(type)) renameList(node, 'object', walk.names.relation, walk);
    if (!OF_TABLE.has(type)) return;
    renameList(node, 'object', walk.names.relation, walk, { behind: 1, isColumn: type === 'COLUMN' });
  },
  GrantStmt(node, walk) {
    if (objectType(node) !== 'TYPE' && objectType(node) !== 'DOMAIN') return;
    const objects = itemsOf(node.objects);
    for (const [index, name] of objects.entries()) {
      const holder: SyntaxNode = { name };
      renameList(holder, 'name', walk.names.type, walk);
      objects[index] = holder.name as SyntaxNode;
    }
  },
  DefElem(node, walk) {
    if (node.defname === 'owned_by') renameList(node, 'arg', walk.names.relation, walk, { behind: 1, isColumn: true });
    if (node.defname === 'sequence_name') renameList(node, 'arg', walk.names.relation, walk);
  },
};
