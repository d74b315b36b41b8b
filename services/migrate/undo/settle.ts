import type { AlterTableCmd, AlterTableStmt, RangeVar } from 'libpg-query';
import type { ParsedStatement } from '../../../core/schema/grammar.js';
import type { SchemaObject } from '../inventory.js';
import { partsOf } from '../object-name.js';

/**
 * What `IF NOT EXISTS` came to.
 * @param added what the migration made, by the catalog before and after it.
 * @returns the statement without those words where it made something, undefined where it did nothing, and as it is where
 *   that is not certain.
 */
export function settle(statement: ParsedStatement, added: readonly SchemaObject[]): ParsedStatement | undefined {
  const { kind, node } = statement;
  if (kind === 'AlterTableStmt') return settleColumns(statement, added);
  if (node.if_not_exists !== true) return statement;
  const name = nameOf(statement);
  if (!name) return statement;
  const found = isAdded(added, name);
  if (found === undefined) return statement;
  return found ? { ...statement, node: { ...node, if_not_exists: false } } : undefined;
}

interface NewName {
  readonly kind: string;
  readonly schema: string | undefined;
  /** Behind the schema. */
  readonly rest: readonly string[];
}

function nameOf({ kind, node }: ParsedStatement): NewName | undefined {
  const inSchema = (of: string, { schemaname: schema, relname }: RangeVar, name = relname!): NewName => ({
    kind: of,
    schema,
    rest: [name],
  });
  switch (kind) {
    case 'CreateStmt':
      return inSchema('table', node.relation as RangeVar);
    case 'CreateSeqStmt':
      return inSchema('sequence', node.sequence as RangeVar);
    case 'IndexStmt':
      return node.idxname ? inSchema('index', node.relation as RangeVar, node.idxname as string) : undefined;
    case 'CreateSchemaStmt':
      return node.schemaname ? { kind: 'schema', schema: node.schemaname as string, rest: [] } : undefined;
    case 'CreateExtensionStmt':
      return { kind: 'extension', schema: node.extname as string, rest: [] };
    default:
      return undefined;
  }
}

/** @returns undefined where a name without a schema may mean several. */
function isAdded(added: readonly SchemaObject[], { kind, schema, rest }: NewName): boolean | undefined {
  const found = added.filter((one) => {
    const [first, ...others] = partsOf(one.name);
    return one.kind === kind && (schema ?? first) === first && JSON.stringify(others) === JSON.stringify(rest);
  });
  return found.length > 1 ? undefined : found.length === 1;
}

/** ADD COLUMN IF NOT EXISTS. */
function settleColumns(statement: ParsedStatement, added: readonly SchemaObject[]): ParsedStatement | undefined {
  const { relation, cmds = [] } = statement.node as AlterTableStmt;
  const settled = cmds.flatMap((one) => {
    const { AlterTableCmd: command } = one as { AlterTableCmd: AlterTableCmd };
    if (command.subtype !== 'AT_AddColumn' || !command.missing_ok) return [one];
    const { ColumnDef: column } = command.def as { ColumnDef: { colname: string } };
    const rest = [relation!.relname!, column.colname];
    const found = isAdded(added, { kind: 'column', schema: relation!.schemaname, rest });
    if (found === undefined) return [one];
    return found ? [{ AlterTableCmd: { ...command, missing_ok: false } }] : [];
  });
  return settled.length > 0 ? { ...statement, node: { ...statement.node, cmds: settled } } : undefined;
}
