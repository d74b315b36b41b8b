import type {
  AlterObjectSchemaStmt,
  AlterTableCmd,
  AlterTableStmt,
  CreateFunctionStmt,
  FunctionParameter,
  Node,
  RangeVar,
  RenameStmt,
} from 'libpg-query';
import { deparseSync } from 'pgsql-deparser';
import type { ParsedStatement } from '../../../core/schema/grammar.js';
import { deparsed } from '../../../platform/deparsed.js';
import { quoteIdentifier } from '../../../platform/postgres.js';

/** What takes a statement back. */
export interface Inverse {
  /** In the order in which they run; empty where there is nothing to take back, or nobody knows how. */
  readonly undo: readonly string[];
  /** Why a person must look. */
  readonly review?: string;
}

const NOTHING: Inverse = { undo: [] };
const cannot = (why: string): Inverse => ({ undo: [], review: why });

/** One statement, unless it cannot be written. */
function written(node: unknown): Inverse {
  const text = deparsed(node as Node);
  return text === undefined ? cannot('its way back cannot be written here') : { undo: [text] };
}

/** @param statement as {@link parseSql} gives it. */
export function inverseOf({ kind, node }: ParsedStatement): Inverse {
  const inverse = INVERSES[kind];
  return inverse ? inverse(node as never) : cannot('there is no way back that could be written here');
}

/** By the kind of statement; what is not here is for people. */
const INVERSES: Readonly<Record<string, (node: never) => Inverse>> = {
  VariableSetStmt: () => NOTHING,
  SelectStmt: () => cannot('does the function that it calls change something?'),
  DoStmt: () => cannot('what the block does is not known here'),
  InsertStmt: () => cannot('rows that were added are not taken back'),
  CopyStmt: () => cannot('rows that were added are not taken back'),
  UpdateStmt: () => cannot('what the rows held before is not known here'),
  DeleteStmt: () => cannot('the rows are gone'),
  DropStmt: () => cannot('what was dropped is in the snapshot before, without its rows'),
  CommentStmt: () => cannot('what the comment was before is in the snapshot'),
  CreateStmt: created('TABLE', ({ relation }) => quoted(relation)),
  ViewStmt: created('VIEW', ({ view }) => quoted(view)),
  CreateTableAsStmt: created(
    ({ objtype }) => (objtype === 'OBJECT_MATVIEW' ? 'MATERIALIZED VIEW' : 'TABLE'),
    ({ into }) => quoted((into as Fields).rel),
  ),
  CreateSeqStmt: created('SEQUENCE', ({ sequence }) => quoted(sequence)),
  CreateSchemaStmt: created('SCHEMA', ({ schemaname }) => schemaname && quoteIdentifier(schemaname as string)),
  CreateExtensionStmt: created('EXTENSION', ({ extname }) => quoteIdentifier(extname as string)),
  CreateEnumStmt: created('TYPE', ({ typeName }) => dotted(typeName)),
  CreateRangeStmt: created('TYPE', ({ typeName }) => dotted(typeName)),
  CreateDomainStmt: created('DOMAIN', ({ domainname }) => dotted(domainname)),
  CompositeTypeStmt: created('TYPE', ({ typevar }) => quoted(typevar)),
  CreatePolicyStmt: created('POLICY', ({ table, policy_name: name }) => on(name, table)),
  CreateTrigStmt: created('TRIGGER', ({ relation, trigname }) => on(trigname, relation)),
  IndexStmt: created(
    'INDEX',
    ({ relation, idxname }) => idxname && quoted({ ...(relation as RangeVar), relname: idxname }),
  ),
  CreateFunctionStmt: inverseOfFunction,
  AlterTableStmt: inverseOfAlterTable,
  RenameStmt: inverseOfRename,
  AlterObjectSchemaStmt: inverseOfMove,
  GrantStmt: (node: Fields) => written({ GrantStmt: { ...node, is_grant: node.is_grant !== true } }),
};

type Fields = Readonly<Record<string, unknown>>;

/** A kind of object that CREATE makes and DROP takes away. */
function created(
  kind: string | ((node: Fields) => string),
  nameOf: (node: Fields) => unknown,
): (node: Fields) => Inverse {
  return (node) => {
    const name = nameOf(node);
    if (typeof name !== 'string') return cannot('it has no name here; the server gave it one');
    if (node.replace === true) return cannot(REPLACED);
    const undo = [`DROP ${typeof kind === 'string' ? kind : kind(node)} IF EXISTS ${name};`];
    return node.if_not_exists === true ? { undo, review: 'IF NOT EXISTS: was it there before?' } : { undo };
  };
}

const REPLACED = 'if it was there before, its definition is in the snapshot';

function quoted(relation: unknown): string {
  const { schemaname, relname } = relation as RangeVar;
  return [...(schemaname ? [schemaname] : []), relname!].map(quoteIdentifier).join('.');
}

/** Of a list of names. */
function dotted(names: unknown): string {
  return (names as { String: { sval: string } }[]).map((one) => quoteIdentifier(one.String.sval)).join('.');
}

const on = (name: unknown, relation: unknown): string => `${quoteIdentifier(name as string)} ON ${quoted(relation)}`;

/** It is known by its name and the types that go in. */
function inverseOfFunction({
  funcname,
  parameters = [],
  replace,
  is_procedure: isProcedure,
}: CreateFunctionStmt): Inverse {
  if (replace) return cannot(REPLACED);
  const types = parameters
    .map((one) => (one as { FunctionParameter: FunctionParameter }).FunctionParameter)
    .filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE')
    .map(({ argType }) => deparseSync({ TypeName: argType } as Node));
  const name = `${dotted(funcname)}(${types.join(', ')})`;
  return { undo: [`DROP ${isProcedure ? 'PROCEDURE' : 'FUNCTION'} IF EXISTS ${name};`] };
}

function inverseOfAlterTable(statement: AlterTableStmt): Inverse {
  const commands = (statement.cmds ?? []).map((one) => (one as { AlterTableCmd: AlterTableCmd }).AlterTableCmd);
  const inverses = commands.map((command) => ({ command, inverse: inverseOfCommand(command) })).toReversed();
  const cmds = inverses.flatMap(({ inverse }) => (inverse ? [{ AlterTableCmd: inverse }] : []));
  const unknown = inverses.filter(({ inverse }) => !inverse).map(({ command }) => command.subtype!.replace('AT_', ''));
  const back = cmds.length > 0 ? written({ AlterTableStmt: { ...statement, cmds, missing_ok: true } }) : NOTHING;
  return unknown.length > 0 ? { ...back, review: `no way back is known for ${unknown.join(', ')}` } : back;
}

const OPPOSITES: Readonly<Record<string, AlterTableCmd['subtype']>> = {
  AT_EnableRowSecurity: 'AT_DisableRowSecurity',
  AT_DisableRowSecurity: 'AT_EnableRowSecurity',
  AT_ForceRowSecurity: 'AT_NoForceRowSecurity',
  AT_NoForceRowSecurity: 'AT_ForceRowSecurity',
  AT_SetNotNull: 'AT_DropNotNull',
  AT_DropNotNull: 'AT_SetNotNull',
  AT_EnableTrig: 'AT_DisableTrig',
  AT_DisableTrig: 'AT_EnableTrig',
};

function inverseOfCommand(command: AlterTableCmd): AlterTableCmd | undefined {
  const { subtype, def } = command;
  const opposite = OPPOSITES[subtype!];
  if (opposite) return { ...command, subtype: opposite };
  const { ColumnDef: column, Constraint: constraint } = (def ?? {}) as {
    ColumnDef?: { colname: string };
    Constraint?: { conname?: string };
  };
  const shared = { behavior: 'DROP_RESTRICT', missing_ok: true } as const;
  // IF NOT EXISTS: a column that was there would lose its values.
  if (subtype === 'AT_AddColumn' && column && !command.missing_ok)
    return { subtype: 'AT_DropColumn', name: column.colname, ...shared };
  if (subtype === 'AT_AddConstraint' && constraint?.conname) {
    return { subtype: 'AT_DropConstraint', name: constraint.conname, ...shared };
  }
  return undefined;
}

function inverseOfRename(node: RenameStmt): Inverse {
  const { relation, subname, newname } = node;
  if (subname && relation) return written({ RenameStmt: { ...node, subname: newname, newname: subname } });
  if (!relation) return cannot('rename it back');
  const renamed = { ...relation, relname: newname };
  return written({ RenameStmt: { ...node, relation: renamed, newname: relation.relname } });
}

function inverseOfMove(node: AlterObjectSchemaStmt): Inverse {
  const { relation, newschema } = node;
  if (!relation?.schemaname) return cannot('the schema that it came from is not named');
  const moved = { ...relation, schemaname: newschema };
  return written({ AlterObjectSchemaStmt: { ...node, relation: moved, newschema: relation.schemaname } });
}
