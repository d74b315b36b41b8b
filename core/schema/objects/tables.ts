import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, keyOf } from '../inventory.js';
import { labelOf } from '../label.js';
import { CANNOT_MOVE, type Mover, type SubjectTable, tableOf } from '../mover.js';
import { displayPlace, type Place, samePlace } from '../names.js';
import type { Phase, Written } from '../phase.js';
import { isNode, itemsOf, nodesOf } from '../syntax.js';
import { when } from '../when.js';
import { writeConstraint } from './constraints.js';
import { lostIdentity } from './identity.js';
import { mergeTable, writeKeys } from './merge-table.js';
import { reshapeTable, retypedColumns } from './reshape-table.js';

/** CREATE TABLE, once for each place that the table goes to, with the columns that it has there. */
export function writeTable(statement: DumpStatement, mover: Mover): Written[] {
  const source = tableOf(statement);
  const object = mover.find('relation', source);
  // What a new project has by itself is not made again.
  if (!object) return [];
  if (mover.placesOf(object).length === 0 && mover.plan.reasons.get(keyOf(object)) !== CANNOT_MOVE) {
    mover.leave(statement, labelOf(statement), 'it is not in the mapping', 'Map it, or leave it behind.');
  }
  return mover.targetsOf(source).flatMap((subject) => {
    const shaped = mover.merges.isMerged(subject.target) ? mergeTable : reshapeTable;
    const made = shaped(statement, subject, mover).flatMap((one): Written[] => {
      const sql = mover.moveAbout(one, subject);
      if (sql === undefined) return [];
      for (const { conname: name } of nodesOf(one.node.tableElts, 'Constraint')) {
        mover.made(subject.target, { kind: 'index', name });
      }
      return [{ phase: 'tables', sql: sql.replace(/^CREATE ((?:UNLOGGED )?TABLE) /, 'CREATE $1 IF NOT EXISTS ') }];
    });
    return [...made, ...writeKeys(statement, subject, mover)];
  });
}

/** What a dump does to a table behind its CREATE. */
export function writeAlterTable(statement: DumpStatement, mover: Mover): Written[] {
  const { node } = statement;
  const commands = itemsOf(node.cmds).map((item) => item.AlterTableCmd as SyntaxNode);
  if (commands.every(({ subtype }) => subtype === 'AT_ChangeOwner')) return [];
  if (node.objtype === 'OBJECT_INDEX') return writeIndexAttach(statement, mover);
  const object = mover.find('relation', tableOf(statement));
  if (!object || object.kind.endsWith('view')) return [];
  const { def, subtype } = commands[0]!;
  const constraint =
    subtype === 'AT_AddConstraint' && isNode(def) && isNode(def.Constraint) ? def.Constraint : undefined;
  return subjectsOf(statement, { constraint, subtype }, mover).flatMap((subject) => {
    if (commands.some(({ name }) => isLeft(mover, subject, name))) return [];
    if (constraint) return writeConstraint(statement, subject, mover);
    return writeCommand(statement, subject, { mover, command: commands[0]! });
  });
}

/** Of merged tables each may have a foreign key that holds for all, and each may hide its rows. */
function subjectsOf(
  statement: DumpStatement,
  { constraint, subtype }: { readonly constraint: SyntaxNode | undefined; readonly subtype: unknown },
  mover: Mover,
): SubjectTable[] {
  const isOfEach = constraint?.contype === 'CONSTR_FOREIGN' || /RowSecurity/.test(String(subtype));
  if (isOfEach) return mover.isOfThoseBehind ? [] : mover.everyTargetOf(tableOf(statement));
  return mover.isOfThoseBehind && !constraint ? [] : mover.targetsOf(tableOf(statement));
}

/** A column that does not move takes its default along. */
function isLeft(mover: Mover, { source, target }: SubjectTable, column: unknown): boolean {
  const object = mover.find('relation', source);
  if (typeof column !== 'string' || !object?.columns) return false;
  const { changes } = mover.plan.columnsOf(object, target);
  return changes.has(column) && changes.get(column) === undefined;
}

function writeCommand(
  statement: DumpStatement,
  subject: SubjectTable,
  { mover, command }: { readonly mover: Mover; readonly command: SyntaxNode },
): Written[] {
  const subtype = String(command.subtype);
  const index = nameOfIndex(command);
  if (
    index !== undefined &&
    (mover.merges.isMerged(subject.target) || !mover.isMade(subject.target, { kind: 'index', name: index }))
  ) {
    const label = `${subtype === 'AT_ClusterOn' ? 'cluster' : 'replica identity'} of ${displayPlace(subject.source)}`;
    mover.leave(statement, label, `the index ${index} need not be there`, 'Name one that is there by hand.');
    return [];
  }
  const lost = subtype === 'AT_AddIdentity' ? lostIdentity(String(command.name), subject, mover) : undefined;
  if (lost !== undefined) {
    mover.leave(statement, labelOf(statement), lost, 'Give it a default by hand, if it shall have one.');
    return [];
  }
  if (OF_TYPE.test(subtype) && retypedColumns(subject, mover).has(String(command.name))) {
    mover.look(
      statement,
      labelOf(statement),
      'its column is of another type there: it has none of it',
      'Give it one by hand.',
    );
    return [];
  }
  const sql = mover.moveAbout(statement, subject);
  if (sql === undefined) return [];
  const phase: Phase = PHASES.find(([pattern]) => pattern.test(subtype))?.[1] ?? 'tables';
  const table = mover.regclass(subject.target);
  if (subtype === 'AT_AddIdentity') {
    const object = mover.find('relation', subject.source)!;
    const name = command.name as string;
    const column = mover.plan.columnsOf(object, subject.target).changes.get(name) ?? name;
    const there = `SELECT FROM pg_catalog.pg_attribute WHERE attrelid = ${table} AND attname = ${mover.literal(column)} AND attidentity <> ''`;
    return [{ phase, sql: when(`NOT EXISTS (${there})`, sql) }];
  }
  if (subtype === 'AT_AttachPartition') {
    const { name } = (command.def as { PartitionCmd: SyntaxNode }).PartitionCmd;
    const child = name as { schemaname: string; relname: string };
    const object = mover.find('relation', { schema: child.schemaname, name: child.relname });
    const place = object && mover.placeWith(object, subject.target);
    return place ? [{ phase, sql: when(isNoChild(mover.regclass(place), table), sql) }] : [{ phase, sql }];
  }
  return [{ phase, sql }];
}

const isNoChild = (child: string, parent: string): string =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = ${child} AND inhparent = ${parent})`;

/** What names an index that need not be there. */
function nameOfIndex({ subtype, name, def }: SyntaxNode): unknown {
  if (subtype === 'AT_ReplicaIdentity') return ((def as SyntaxNode).ReplicaIdentityStmt as SyntaxNode).name;
  return subtype === 'AT_ClusterOn' ? name : undefined;
}

/** What a column has by its type. */
const OF_TYPE = /ColumnDefault|SetStorage|SetCompression/;

/** Of commands that belong elsewhere than to the table. */
const PHASES: readonly (readonly [RegExp, Phase])[] = [
  [/RowSecurity/, 'policies'],
  [/Trig|Rule/, 'triggers'],
  // Both name an index.
  [/ClusterOn|ReplicaIdentity/, 'indexes'],
];

/** The index of a partition becomes a part of its root's. */
function writeIndexAttach(statement: DumpStatement, mover: Mover): Written[] {
  const index = mover.find('relation', tableOf(statement));
  return (index ? mover.placesOf(index) : []).flatMap((place): Written[] => {
    const sql = mover.moveAbout(statement, { source: index!.place, target: place });
    const [command] = statement.node.cmds as { AlterTableCmd: { def: { PartitionCmd: SyntaxNode } } }[];
    const { schemaname, relname } = command!.AlterTableCmd.def.PartitionCmd.name as {
      schemaname: string;
      relname: string;
    };
    const child = mover.find('relation', { schema: schemaname, name: relname });
    // That of the partition which goes with this one's table.
    const isOfIts = ({ owner }: Place) => owner?.owner && place.owner && samePlace(owner.owner, place.owner);
    const childPlace = child && mover.placesOf(child).find(isOfIts);
    const isMade = (one: Place, name: string) => one.owner && mover.isMade(one.owner, { kind: 'index', name });
    if (sql === undefined || !childPlace || !isMade(place, index!.place.name) || !isMade(childPlace, relname))
      return [];
    // Rows are found by keys: those of partitions belong to their root's from the beginning.
    const phase: Phase = child.isKey ? 'tables' : 'indexes';
    return [{ phase, sql: when(isNoChild(mover.regclass(childPlace), mover.regclass(place)), sql) }];
  });
}
