import type { DumpStatement, SourceObject } from './inventory.js';
import { listPlace, rangePlace } from './inventory.js';
import { labelOf } from './label.js';
import type { Mover } from './mover.js';
import { writeComment } from './objects/comments.js';
import { writeExtension } from './objects/extensions.js';
import { writeDefaultPrivileges, writeGrant } from './objects/grants.js';
import { writeIndex, writeStatistics } from './objects/indexes.js';
import { writePolicy } from './objects/policies.js';
import { writePublication, writePublishedTable } from './objects/publications.js';
import { writeRoutine } from './objects/routines.js';
import { writeSequence } from './objects/sequences.js';
import { writeAlterTable, writeTable } from './objects/tables.js';
import { writeRule, writeTrigger } from './objects/triggers.js';
import { writeType } from './objects/types.js';
import { writeView } from './objects/views.js';
import type { Phase, Written } from './phase.js';
import { isManagedSchema } from './supabase.js';
import { isNode } from './syntax.js';

export interface StatementContext {
  readonly mover: Mover;
  /** Routines that types or tables need, and the file that they need them in. */
  readonly early: ReadonlyMap<string, Phase>;
}

/** What one statement of the dump becomes. What it cannot become is a finding. */
export function writeStatement(statement: DumpStatement, context: StatementContext): Written[] {
  const write = WRITERS[statement.kind];
  if (write) return write(statement, context);
  if (!NOTHING_TO_DO.has(statement.kind) && !isOfManaged(statement)) {
    context.mover.leave(
      statement,
      labelOf(statement),
      'this kind of object is not moved',
      'Make it by hand, in a migration of its own.',
    );
  }
  return [];
}

type Writer = (statement: DumpStatement, context: StatementContext) => Written[];

const only =
  (write: (statement: DumpStatement, mover: Mover) => Written[]): Writer =>
  (statement, { mover }) =>
    write(statement, mover);

const type =
  (field: string): Writer =>
  (statement, { mover }) => {
    const name = statement.node[field];
    const place = isNode(name) && 'relname' in name ? rangePlace(name) : listPlace(name);
    const object: SourceObject | undefined = mover.find('type', place);
    return object ? writeType(statement, object, mover) : [];
  };

const WRITERS: Readonly<Record<string, Writer>> = {
  AlterDefaultPrivilegesStmt: only(writeDefaultPrivileges),
  AlterPublicationStmt: only(writePublishedTable),
  AlterSeqStmt: only(writeSequence),
  AlterTableStmt: only(writeAlterTable),
  CommentStmt: only(writeComment),
  CompositeTypeStmt: type('typevar'),
  CreateDomainStmt: type('domainname'),
  CreateEnumStmt: type('typeName'),
  CreateExtensionStmt: only(writeExtension),
  CreateFunctionStmt: (statement, { mover, early }) => writeRoutine(statement, early, mover),
  CreatePolicyStmt: only(writePolicy),
  CreatePublicationStmt: only(writePublication),
  CreateRangeStmt: type('typeName'),
  CreateSeqStmt: only(writeSequence),
  CreateStatsStmt: only(writeStatistics),
  CreateStmt: only(writeTable),
  CreateTableAsStmt: only(writeView),
  CreateTrigStmt: only(writeTrigger),
  GrantStmt: only(writeGrant),
  IndexStmt: only(writeIndex),
  RuleStmt: only(writeRule),
  ViewStmt: only(writeView),
};

/** Settings of the dump; schemas, which are made for what they get; owners, who are whoever runs the files. */
const NOTHING_TO_DO = new Set(['VariableSetStmt', 'SelectStmt', 'CreateSchemaStmt', 'AlterOwnerStmt']);

/** Whether the first qualified name of a statement is one of what a new project has by itself. */
function isOfManaged({ sql }: DumpStatement): boolean {
  const schema = /("(?:[^"]|"")+"|[a-z_][\w$]*)\./.exec(sql)?.[1];
  return schema !== undefined && isManagedSchema(schema.replaceAll('"', ''));
}
