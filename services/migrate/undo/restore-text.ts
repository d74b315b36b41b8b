import type { AlterTableCmd, AlterTableStmt, CreateStmt, Node } from 'libpg-query';
import { FerryError } from '../../../core/errors.js';
import type { ParsedStatement } from '../../../core/schema/grammar.js';
import { deparsed } from '../../../platform/deparsed.js';
import { parseSql } from '../../../platform/sql-parser.js';
import { byKey, type DumpEntry, dumpEntries, keyOf } from '../dump.js';
import { alterTableBack } from './alter-table.js';
import { type Inverse, inverseOf } from './inverse.js';
import { isLarger, isReplaceable, remakeText, replaceText } from './replaced.js';

/** An object as two dumps have it. */
interface Pair {
  readonly entry: DumpEntry;
  readonly is: string | undefined;
  readonly was: string | undefined;
}

/**
 * Writes what makes the schema of one dump into that of another: drops what was not there, from the end to the beginning,
 * changes tables, then makes what is missing. Rows of what is dropped are lost; those of columns that come back are empty.
 * @throws FerryError `migrations-refused` about what cannot be had so.
 */
export async function restoreText(live: string, snapshot: string): Promise<string> {
  const [is, was] = [live, snapshot].map((dump) => byKey(dumpEntries(dump)));
  const gone: Pair[] = [...is!].map(([key, { entry, sql }]) => ({ entry, is: sql, was: was!.get(key)?.sql }));
  const wanted: Pair[] = [...was!].map(([key, { entry, sql }]) => ({ entry, is: is!.get(key)?.sql, was: sql }));
  const differs = (pair: Pair) => pair.is !== pair.was;
  const isAltered = ({ entry, is, was }: Pair) => entry.type === 'TABLE' && is !== undefined && was !== undefined;
  const replaced = await replacedOf(wanted);
  const isReplaced = ({ entry }: Pair) => replaced.has(keyOf(entry));
  const droppedTables = new Set(
    gone.filter(({ entry, was }) => entry.type === 'TABLE' && was === undefined).map(tableOf),
  );
  const drops: string[] = [];
  for (const pair of gone.filter(differs).toReversed()) {
    if (!isAltered(pair) && !isReplaced(pair)) drops.push(...(await dropText(pair, droppedTables)));
  }
  const alters: string[] = [];
  for (const pair of gone.filter((one) => differs(one) && isAltered(one))) alters.push(...(await alterText(pair)));
  const creates: string[] = [];
  for (const pair of wanted.filter((one) => differs(one) && !isAltered(one))) {
    const { entry, is, was } = pair;
    if (isReplaced(pair)) creates.push(...(await replaceText(is!, was!)));
    else if (is !== undefined && isReplaceable(entry)) creates.push(...remakeText(entry, was!, snapshot));
    else creates.push(was!);
  }
  return [...SETTINGS, ...drops, ...alters, ...creates].map((one) => `${one}\n`).join('\n');
}

/** Keys of those that need not be dropped, and so keep what depends on them. */
async function replacedOf(wanted: readonly Pair[]): Promise<Set<string>> {
  const replaced = new Set<string>();
  for (const { entry, is, was } of wanted) {
    if (!isReplaceable(entry) || is === undefined || was === undefined || is === was) continue;
    if (!(await isLarger(is, was))) replaced.add(keyOf(entry));
  }
  return replaced;
}

/** Of pg_dump: names are qualified, and functions come before the tables that they read. */
const SETTINGS = ["SET LOCAL search_path = '';", 'SET LOCAL check_function_bodies = off;'];

const tableOf = ({ entry }: Pair): string => JSON.stringify([entry.schema, entry.name]);

/** Of the statements that a dump makes an object with, those that go with the object. */
const GOES_ALONG = new Set(['AlterOwnerStmt', 'AlterSeqStmt', 'CommentStmt', 'SelectStmt', 'AlterExtensionStmt']);

async function dropText({ entry, is }: Pair, droppedTables: ReadonlySet<string>): Promise<string[]> {
  const statements = await parsed(entry, is!);
  return statements.toReversed().flatMap((statement) => {
    if (GOES_ALONG.has(statement.kind) || isOwner(statement)) return [];
    if (isOnDropped(statement, droppedTables)) return [];
    const { undo } = statement.kind === 'AlterTableStmt' ? inverseOfDumped(statement) : inverseOf(statement);
    if (undo.length === 0) throw refused(entry, statement.kind);
    return undo;
  });
}

async function alterText({ entry, is, was }: Pair): Promise<string[]> {
  const [now, before] = [await parsed(entry, is!), await parsed(entry, was!)].map((all) =>
    all.find(({ kind }) => kind === 'CreateStmt'),
  );
  if (!now || !before) throw refused(entry, 'no CREATE TABLE');
  const node = alterTableBack(now.node as CreateStmt, before.node as CreateStmt);
  if (!node) return [];
  const text = deparsed(node);
  if (text === undefined) throw refused(entry, 'AlterTableStmt');
  return [text];
}

async function parsed({ type, schema, name }: DumpEntry, sql: string): Promise<readonly ParsedStatement[]> {
  const { statements, failure } = await parseSql(sql);
  if (!failure) return statements;
  throw new FerryError(
    'migrations-refused',
    `the dump of ${type} ${schema}.${name} is not understood: ${failure.message}`,
  );
}

function refused({ type, schema, name }: DumpEntry, kind: string): FerryError {
  return new FerryError('migrations-refused', `${type} ${schema}.${name} cannot be taken back (${kind})`, {
    remedy: 'Take it back by hand, then run the command again; nothing was run.',
  });
}

/** `ALTER TABLE t OWNER TO r` is the dump's way of making it. */
function isOwner({ kind, node }: ParsedStatement): boolean {
  return (
    kind === 'AlterTableStmt' && commandsOf(node as AlterTableStmt).every(({ subtype }) => subtype === 'AT_ChangeOwner')
  );
}

function isOnDropped({ kind, node }: ParsedStatement, droppedTables: ReadonlySet<string>): boolean {
  if (kind === 'CreateStmt' || kind === 'CreateSeqStmt') return false;
  const relation = (node.relation ?? node.table) as { schemaname?: string; relname?: string } | undefined;
  // A default may hold a sequence, and a foreign key another table, that goes before this one.
  if (!relation || /CONSTR_FOREIGN|AT_ColumnDefault/.test(JSON.stringify(node))) return false;
  return droppedTables.has(JSON.stringify([relation.schemaname, relation.relname]));
}

const commandsOf = ({ cmds = [] }: AlterTableStmt): AlterTableCmd[] =>
  cmds.map((one) => (one as { AlterTableCmd: AlterTableCmd }).AlterTableCmd);

/** A dump gives defaults and identities to columns that have none yet. */
function inverseOfDumped(statement: ParsedStatement): Inverse {
  const node = statement.node as AlterTableStmt;
  const [command] = commandsOf(node);
  const { subtype, name } = command!;
  const opposite: AlterTableCmd | undefined =
    subtype === 'AT_ColumnDefault'
      ? { subtype, name, behavior: 'DROP_RESTRICT' }
      : subtype === 'AT_AddIdentity'
        ? { subtype: 'AT_DropIdentity', name, behavior: 'DROP_RESTRICT', missing_ok: true }
        : undefined;
  if (!opposite) return inverseOf(statement);
  const text = deparsed({ AlterTableStmt: { ...node, cmds: [{ AlterTableCmd: opposite }] } } as Node);
  return { undo: text === undefined ? [] : [text] };
}
