import type { ColumnRule } from '../../mapping/column-rule.js';
import { withInputs } from '../../mapping/with-inputs.js';
import { displayName } from '../../relation.js';
import { isSameSet } from '../../same-set.js';
import type { SyntaxNode } from '../grammar.js';
import { rangePlace } from '../inventory.js';
import type { Mover, SubjectTable } from '../mover.js';
import { displayPlace, samePlace } from '../names.js';
import { placeMeant } from '../relocation.js';
import { canonical, isNode, nodesOf, setStrings, stringsOf } from '../syntax.js';
import { keysOf } from './dump-table.js';
import type { MergedSource } from './merged-columns.js';
import type { MergedTable } from './merged-table.js';

const isWithin = (a: readonly string[], b: readonly string[]) => a.length > 0 && a.every((name) => b.includes(name));

/** Whether no two rows of what tables become are equal in these columns, though each table knows its own rows only. */
export function isUniqueIn(names: readonly string[], { sources, columns, key = [], unique }: MergedTable): boolean {
  const [, ...others] = sources;
  if (others.length === 0 || isWithin(key, names) || isWithin(unique, names)) return true;
  const hasNone = (source: MergedSource) =>
    columns.some(({ name, hasDefault, filledBy }) => names.includes(name) && !filledBy.includes(source) && !hasDefault);
  // A null is equal to nothing.
  return others.every(hasNone);
}

/** A check in the names of the target, to tell whether two say the same; undefined where a column of it is not there. */
export function checkAt(constraint: SyntaxNode, subject: SubjectTable, mover: Mover): string | undefined {
  const expression = structuredClone(constraint.raw_expr);
  for (const reference of nodesOf(expression, 'ColumnRef')) {
    const name = mover.columnAt(subject, stringsOf(reference.fields).at(-1) ?? '');
    if (name === undefined) return undefined;
    setStrings(reference, 'fields', [name]);
  }
  return canonical(expression);
}

/** Checks of a table that others are merged with, as {@link checkAt} has them. */
export function checksOf({ mapping, table }: MergedSource, { target }: SubjectTable, mover: Mover): Set<string> {
  const subject = { source: { schema: mapping.source.schema, name: mapping.source.table }, target };
  const checks = table.constraints.filter(({ node }) => node.contype === 'CONSTR_CHECK');
  return new Set(checks.flatMap(({ node }) => checkAt(node, subject, mover) ?? []));
}

/** What becomes of a foreign key where tables are merged, or keys made. */
export type ForeignKeyFate =
  | { readonly kind: 'made' | 'made-by-another' }
  | { readonly kind: 'left'; readonly why: string };

const MADE: ForeignKeyFate = { kind: 'made' };

export function foreignKeyFate(constraint: SyntaxNode, subject: SubjectTable, mover: Mover): ForeignKeyFate {
  const fate = asChild(constraint, subject, mover);
  if (fate.kind !== 'made') return fate;
  const why = asParent(constraint, subject, mover);
  return why === undefined ? fate : { kind: 'left', why };
}

/** Each of the merged tables that fills the columns must have the same foreign key; the first of them makes it. */
function asChild(constraint: SyntaxNode, subject: SubjectTable, mover: Mover): ForeignKeyFate {
  const merged = mover.merges.isMerged(subject.target) ? mover.mergedAt(subject.target) : undefined;
  const own = merged && spelled(constraint, subject, mover);
  if (!merged || own === undefined) return MADE;
  const { sources, columns } = merged;
  const names = stringsOf(constraint.fk_attrs).map((column) => mover.columnAt(subject, column)!);
  const filling = columns.filter(({ name }) => names.includes(name)).flatMap(({ filledBy }) => filledBy);
  const having = sources.filter((source) => referencesOf(source, subject, mover).some(({ text }) => text === own));
  const lacking = [...new Set(filling)].filter((source) => !having.includes(source));
  if (lacking.length > 0) {
    const who = lacking.map(({ mapping }) => displayName(mapping.source)).join(', ');
    return { kind: 'left', why: `${who} has no such foreign key, and its rows stand in the same table` };
  }
  const first = having[0]!.mapping.source;
  if (!samePlace({ schema: first.schema, name: first.table }, subject.source)) return { kind: 'made-by-another' };
  const all = sources.flatMap((source) => referencesOf(source, subject, mover));
  const isTaken = all.some(({ name, text }) => name === constraint.conname && text !== own);
  return isTaken ? { kind: 'left', why: 'a foreign key of another table that is merged with it has its name' } : MADE;
}

function referencesOf({ mapping, table }: MergedSource, { target }: SubjectTable, mover: Mover) {
  const subject = { source: { schema: mapping.source.schema, name: mapping.source.table }, target };
  return table.constraints
    .filter(({ node }) => node.contype === 'CONSTR_FOREIGN')
    .map(({ node }) => ({ name: node.conname, text: spelled(node, subject, mover) }));
}

/** A foreign key in the target's names; undefined where a column of it is not there. */
function spelled(constraint: SyntaxNode, subject: SubjectTable, mover: Mover): string | undefined {
  const columns = stringsOf(constraint.fk_attrs).map((column) => mover.columnAt(subject, column));
  const parent = parentOf(constraint, subject, mover);
  const refersTo = stringsOf(constraint.pk_attrs).map((column) => (parent ? mover.columnAt(parent, column) : column));
  if (columns.includes(undefined) || refersTo.includes(undefined)) return undefined;
  const place = displayPlace(parent?.target ?? rangePlace(constraint.pktable));
  const { fk_del_action: onDelete, fk_upd_action: onUpdate } = constraint;
  return JSON.stringify([place, columns.map((column, i) => `${column} ${refersTo[i]}`).sort(), onDelete, onUpdate]);
}

/** The table that a foreign key refers to, at the place that is meant; undefined of one that is not ours. */
function parentOf({ pktable }: SyntaxNode, subject: SubjectTable, mover: Mover): SubjectTable | undefined {
  const object = isNode(pktable) ? mover.find('relation', rangePlace(pktable)) : undefined;
  const target = object && placeMeant(object, mover.placesOf(object), { subject });
  return target && { source: object.place, target };
}

/** Why what a foreign key refers to need not be there. */
function asParent(constraint: SyntaxNode, subject: SubjectTable, mover: Mover): string | undefined {
  const parent = parentOf(constraint, subject, mover);
  const table = parent && mover.mergedAt(parent.target);
  if (!table) return undefined;
  const [columns, refersTo] = [stringsOf(constraint.fk_attrs), stringsOf(constraint.pk_attrs)];
  const names = refersTo.map((column) => mover.columnAt(parent, column));
  if (names.includes(undefined)) return undefined;
  const { key = [], unique } = table;
  const known = names as string[];
  if (!isSameSet(known, key) && !isSameSet(known, unique)) return `${displayPlace(parent.target)} is not unique in it`;
  if (unique.length > 0 && !isWithin(known, unique) && !isNeverBehind(parent, table, mover)) {
    return `rows of ${displayPlace(parent.source)} do not stand where others are before them`;
  }
  const [ours, theirs] = [mover.mappingOf(subject), mover.mappingOf(parent)];
  const inputs = new Map(refersTo.map((column, i) => [column, columns[i]!]));
  const isAlike = columns.every((column, i) => {
    const rule = ours?.rules?.columns.get(mover.columnAt(subject, column) ?? '') ?? { from: column };
    const made = theirs?.rules?.columns.get(known[i]!) ?? { from: refersTo[i]! };
    return isSameRule(withInputs(made, inputs), rule);
  });
  return isAlike ? undefined : `it is not made as the key of ${displayPlace(parent.target)} is`;
}

/** It has precedence, and its rows are told apart by what makes rows one. */
function isNeverBehind({ source, target }: SubjectTable, { sources, unique }: MergedTable, mover: Mover): boolean {
  const [first] = sources as readonly [MergedSource, ...MergedSource[]];
  if (!samePlace({ schema: first.mapping.source.schema, name: first.mapping.source.table }, source)) return false;
  const keys = [...keysOf(first.table, 'CONSTR_PRIMARY'), ...keysOf(first.table, 'CONSTR_UNIQUE')];
  return keys.some((key) =>
    isSameSet(
      key.map((column) => mover.columnAt({ source, target }, column) ?? ''),
      unique,
    ),
  );
}

function isSameRule({ cast: _, ...one }: ColumnRule, { cast: __, ...other }: ColumnRule): boolean {
  return canonical(one) === canonical(other);
}
