import type { SyntaxNode } from './grammar.js';
import { type DumpStatement, listPlace, rangePlace } from './inventory.js';
import { displayPlace } from './names.js';
import { isNode, itemsOf, nodesOf, stringsOf } from './syntax.js';

/** What a statement makes or changes, for people: `policy "Users can read" on public.users`. */
export function labelOf({ kind, node }: DumpStatement): string {
  return LABELS[kind]?.(node as SyntaxNode) ?? kind.replace(/Stmt$/, '');
}

const relation = (range: unknown): string => displayPlace(rangePlace(range));
const listed = (list: unknown): string => displayPlace(listPlace(list));
const quoted = (name: unknown): string => (/^[a-z_][\w$]*$/.test(String(name)) ? String(name) : `"${name}"`);
const lower = (type: unknown): string =>
  String(type ?? '')
    .replace('OBJECT_', '')
    .replaceAll('_', ' ')
    .toLowerCase();

const LABELS: Readonly<Record<string, (node: SyntaxNode) => string>> = {
  CreateStmt: ({ relation: table }) => `table ${relation(table)}`,
  CreateForeignTableStmt: ({ base }) => `foreign table ${relation((base as SyntaxNode).relation)}`,
  CreateSeqStmt: ({ sequence }) => `sequence ${relation(sequence)}`,
  AlterSeqStmt: ({ sequence }) => `sequence ${relation(sequence)}`,
  ViewStmt: ({ view }) => `view ${relation(view)}`,
  CreateTableAsStmt: ({ into }) => `materialized view ${relation((into as SyntaxNode).rel)}`,
  IndexStmt: ({ idxname, relation: table }) => `index ${quoted(idxname)} on ${relation(table)}`,
  CreateStatsStmt: ({ defnames }) => `statistics ${listed(defnames)}`,
  CreateEnumStmt: ({ typeName }) => `type ${listed(typeName)}`,
  CreateRangeStmt: ({ typeName }) => `type ${listed(typeName)}`,
  CompositeTypeStmt: ({ typevar }) => `type ${relation(typevar)}`,
  CreateDomainStmt: ({ domainname }) => `domain ${listed(domainname)}`,
  CreateFunctionStmt: ({ funcname, is_procedure: isProcedure }) =>
    `${isProcedure ? 'procedure' : 'function'} ${listed(funcname)}`,
  CreateTrigStmt: ({ trigname, relation: table }) => `trigger ${quoted(trigname)} on ${relation(table)}`,
  CreateEventTrigStmt: ({ trigname }) => `event trigger ${quoted(trigname)}`,
  RuleStmt: ({ rulename, relation: table }) => `rule ${quoted(rulename)} on ${relation(table)}`,
  CreatePolicyStmt: ({ policy_name: name, table }) => `policy ${quoted(name)} on ${relation(table)}`,
  CreatePublicationStmt: ({ pubname }) => `publication ${quoted(pubname)}`,
  AlterPublicationStmt: ({ pubname }) => `publication ${quoted(pubname)}`,
  CreateExtensionStmt: ({ extname }) => `extension ${quoted(extname)}`,
  CommentStmt: ({ objtype, object }) => `comment on ${lower(objtype)} ${objectName(object)}`,
  GrantStmt: ({ objtype, objects, is_grant: isGrant }) =>
    `${isGrant ? 'grant' : 'revoke'} on ${lower(objtype)} ${itemsOf(objects).map(objectName).join(', ')}`,
  AlterDefaultPrivilegesStmt: () => 'default privileges',
  AlterTableStmt: alterTableLabel,
  DefineStmt: ({ kind, defnames }) => `${lower(kind)} ${listed(defnames)}`,
};

function objectName(object: unknown): string {
  if (!isNode(object)) return '';
  if (isNode(object.RangeVar)) return relation(object.RangeVar);
  const [routine] = nodesOf(object, 'ObjectWithArgs');
  if (routine) return listed(routine.objname);
  if (isNode(object.TypeName)) return listed(object.TypeName.names);
  return isNode(object.String) ? stringsOf([object]).join() : stringsOf(object).join('.');
}

function alterTableLabel({ relation: table, cmds }: SyntaxNode): string {
  const [first] = itemsOf(cmds);
  const { subtype, name, def } = (first?.AlterTableCmd ?? {}) as SyntaxNode;
  if (subtype === 'AT_AddConstraint' && isNode(def) && isNode(def.Constraint)) {
    return `constraint ${quoted(def.Constraint.conname)} of ${relation(table)}`;
  }
  return name === undefined ? `table ${relation(table)}` : `column ${quoted(name)} of ${relation(table)}`;
}
