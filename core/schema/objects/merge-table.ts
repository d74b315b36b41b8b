import { movedName } from '../../mapping/table-rules.js';
import { displayName } from '../../relation.js';
import { isSameSet } from '../../same-set.js';
import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, keyOf } from '../inventory.js';
import { labelOf } from '../label.js';
import { dumpTable, isGenerated, keysOf } from '../merge/dump-table.js';
import { checkAt, checksOf, isUniqueIn } from '../merge/holds.js';
import type { MergedSource, Problem } from '../merge/merged-columns.js';
import type { MergedTable } from '../merge/merged-table.js';
import type { Mover, SubjectTable } from '../mover.js';
import { displayPlace } from '../names.js';
import type { Written } from '../phase.js';
import { isNode, stringsOf } from '../syntax.js';
import { when } from '../when.js';
import { added, reshaped, retypedColumns } from './reshape-table.js';

/**
 * The one table that several become, in the names of the one that has precedence: its columns with types that hold the
 * values of all, and those that others have besides, each by a statement of its own.
 */
export function mergeTable(statement: DumpStatement, subject: SubjectTable, mover: Mover): DumpStatement[] {
  const merged = mover.mergedAt(subject.target);
  const problems = problemsOf(statement, subject, mover);
  if (!merged || problems.length > 0) return refused(statement, subject, { problems, mover });
  const object = mover.find('relation', subject.source)!;
  const { changes } = mover.plan.columnsOf(object, subject.target);
  const dropped = [...changes].flatMap(([column, to]) => (to === undefined ? [column] : []));
  const nullable = merged.columns.flatMap(({ own, isNotNull }) => (own !== undefined && !isNotNull ? [own] : []));
  const shape = {
    dropped: new Set(dropped),
    types: retypedColumns(subject, mover),
    nullable: new Set(nullable),
    holds: (constraint: SyntaxNode) => holds(constraint, { statement, subject, merged, mover }),
  };
  const kept = reshaped(statement, shape, mover);
  if (!kept) return [];
  tellOf(statement, merged, mover);
  leaveOthersChecks(subject, merged, mover);
  leaveOthersGenerated(subject, merged, mover);
  const more = merged.columns.filter(({ own }) => own === undefined);
  return [
    kept,
    ...more.flatMap(({ name, type, isNotNull }) => added(statement, { name, type: type.node, isNotNull }, mover)),
  ];
}

function problemsOf({ node }: DumpStatement, { target }: SubjectTable, mover: Mover): readonly Problem[] {
  const partitioned = {
    why: 'it is partitioned, and others are merged into it',
    remedy: 'Write it by hand, or let a table that is not come first in `merge`.',
  };
  const absent = mover.merges
    .lineageAt(target)
    .filter(({ source }) => !dumpTable(mover.statements, { schema: source.schema, name: source.table }))
    .map(({ source }) => ({
      why: `the dump has no table ${displayName(source)}, which is merged with it`,
      remedy: 'Take it out of `merge`, or make the dump with it.',
    }));
  return [...(isNode(node.partspec) ? [partitioned] : []), ...absent, ...(mover.mergedAt(target)?.problems ?? [])];
}

/** Without it nothing that names one of its tables can be made either. */
function refused(
  statement: DumpStatement,
  { target }: SubjectTable,
  { problems, mover }: { readonly problems: readonly Problem[]; readonly mover: Mover },
): DumpStatement[] {
  for (const { why, remedy } of problems) mover.leave(statement, `table ${displayPlace(target)}`, why, remedy);
  for (const { source } of mover.merges.lineageAt(target)) {
    const object = mover.find('relation', { schema: source.schema, name: source.table });
    if (object) mover.failed.set(keyOf(object), statement.line);
  }
  return [];
}

interface Scene {
  readonly statement: DumpStatement;
  readonly subject: SubjectTable;
  readonly merged: MergedTable;
  readonly mover: Mover;
}

/** A key is made by itself; a check holds where all the tables have it. */
function holds(constraint: SyntaxNode, { statement, subject, merged, mover }: Scene): boolean {
  const label = `constraint ${constraint.conname} of ${labelOf(statement)}`;
  if (constraint.contype === 'CONSTR_PRIMARY') return false;
  if (constraint.contype === 'CONSTR_UNIQUE') {
    const names = stringsOf(constraint.keys).map((column) => mover.columnAt(subject, column) ?? '');
    if (isUniqueIn(names, merged)) return true;
    mover.leave(statement, label, NOT_UNIQUE, BY_HAND);
    return false;
  }
  if (constraint.contype !== 'CONSTR_CHECK') return true;
  const own = checkAt(constraint, subject, mover);
  const without = merged.sources.filter((source) => own === undefined || !checksOf(source, subject, mover).has(own));
  if (own === undefined || without.length === 0) return true;
  mover.leave(statement, label, `${namesOf(without)} has no such check, and its rows stand in the same table`, BY_HAND);
  return false;
}

const namesOf = (sources: readonly MergedSource[]) =>
  sources.map(({ mapping }) => displayName(mapping.source)).join(', ');

function leaveOthersChecks(subject: SubjectTable, { sources }: MergedTable, mover: Mover): void {
  const [first, ...others] = sources as readonly [MergedSource, ...MergedSource[]];
  const kept = checksOf(first, subject, mover);
  for (const { mapping, table } of others) {
    const source = { schema: mapping.source.schema, name: mapping.source.table };
    for (const { node, statement } of table.constraints) {
      if (node.contype !== 'CONSTR_CHECK' || statement !== table.statement) continue;
      const check = checkAt(node, { source, target: subject.target }, mover);
      if (check !== undefined && kept.has(check)) continue;
      const label = `constraint ${node.conname} of ${labelOf(statement)}`;
      mover.leave(
        statement,
        label,
        `${namesOf([first])} has no such check, and its rows stand in the same table`,
        BY_HAND,
      );
    }
  }
}

function leaveOthersGenerated({ target }: SubjectTable, { sources }: MergedTable, mover: Mover): void {
  for (const { mapping, table } of sources.slice(1)) {
    const own = { source: { schema: mapping.source.schema, name: mapping.source.table }, target };
    const computed = [...table.columns.keys()].filter((column) => isGenerated(table, column));
    for (const column of computed.filter((one) => movedName(mapping, one) && !mover.columnAt(own, one))) {
      const label = `column ${column} of ${labelOf(table.statement)}`;
      mover.leave(table.statement, label, 'it is generated there, and no other table has it', BY_HAND);
    }
  }
}

/** What is not lost, and not as it was. */
function tellOf(statement: DumpStatement, { sources, columns }: MergedTable, mover: Mover): void {
  const label = labelOf(statement);
  const all = `${namesOf(sources)} are one table now: what reads one of them reads the rows of all`;
  mover.look(statement, label, all, 'Look at views, functions and policies that name them.');
  for (const { name, hasDefault, filledBy } of columns) {
    const others = sources.filter((source) => !filledBy.includes(source));
    if (others.length === 0 || !hasDefault) continue;
    const why = `rows of ${namesOf(others)}, which does not fill it, get its default`;
    mover.look(
      statement,
      `column ${name} of ${label}`,
      why,
      'Give it a rule there: {constant: null}, or another value.',
    );
  }
}

/** The keys of a table that keeps lineage: the primary one, and the index of what makes rows one. */
export function writeKeys(statement: DumpStatement, { source, target }: SubjectTable, mover: Mover): Written[] {
  const merged = mover.mergedAt(target);
  if (!merged || merged.problems.length > 0) return [];
  const { key, unique, sources } = merged;
  const [first] = sources as readonly [MergedSource, ...MergedSource[]];
  if (!key) {
    mover.leave(
      statement,
      `primary key of ${displayPlace(target)}`,
      NO_KEY,
      'Make one out of each key: {uuid: [...]}.',
    );
  }
  const list = (names: readonly string[]) => names.map(mover.grammar.identifier).join(', ');
  const table = mover.name(target);
  const absent = `NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = ${mover.regclass(target)} AND contype = 'p')`;
  const name = mover.grammar.identifier(primaryName(first, { source, target }, mover));
  if (key) mover.made(target, { kind: 'index', name: primaryOf(first) });
  const added = key && `ALTER TABLE ${table} ADD CONSTRAINT ${name} PRIMARY KEY (${list(key)})`;
  const known = [
    key ?? [],
    ...keysOf(first.table, 'CONSTR_UNIQUE').map((own) =>
      own.map((column) => mover.columnAt({ source, target }, column) ?? ''),
    ),
  ];
  const isMade = unique.length === 0 || known.some((own) => isSameSet(own, unique));
  const index = mover.grammar.identifier(`${target.name}_${unique.join('_')}_one`);
  return [
    ...(added ? [{ phase: 'tables' as const, sql: when(absent, added) }] : []),
    ...(isMade
      ? []
      : [
          { phase: 'tables' as const, sql: `CREATE UNIQUE INDEX IF NOT EXISTS ${index} ON ${table} (${list(unique)})` },
        ]),
  ];
}

const primaryOf = ({ table }: MergedSource): unknown =>
  table.constraints.find(({ node }) => node.contype === 'CONSTR_PRIMARY')?.node.conname;

function primaryName(first: MergedSource, { source, target }: SubjectTable, mover: Mover): string {
  const name = primaryOf(first);
  const index = typeof name === 'string' ? mover.find('relation', { schema: source.schema, name }) : undefined;
  return (index && mover.placeWith(index, target)?.name) ?? `${target.name}_pkey`;
}

const NO_KEY = 'no column is the key of each of its tables';
export const NOT_UNIQUE = 'rows of tables that are merged with it need not be unique in it';
export const BY_HAND = 'Make it by hand, once it holds.';
