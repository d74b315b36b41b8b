import type { CreateFunctionStmt, FunctionParameter, RangeVar, SelectStmt, TypeName, ViewStmt } from 'libpg-query';
import type { ParsedStatement } from '../../../core/schema/grammar.js';
import { parseSql } from '../../../platform/sql-parser.js';
import { byKey, type DumpEntry, dumpEntries, keyOf } from '../dump.js';
import { inverseOf } from './inverse.js';

/** They take a new definition without being dropped, and so without what depends on them. */
const REPLACEABLE = new Set(['FUNCTION', 'PROCEDURE', 'VIEW']);

export const isReplaceable = ({ type }: DumpEntry): boolean => REPLACEABLE.has(type);

/** A function or view that a migration may have replaced, as it is in the dump after it. */
export interface Replaced {
  readonly statement: ParsedStatement;
  /** What gives it the definition of before; undefined where it was not there. */
  readonly undo: readonly string[] | undefined;
}

/** Looks all functions and views up in the dumps around a migration. */
export async function readReplaced(before: string, after: string): Promise<Replaced[]> {
  const was = byKey(dumpEntries(before));
  const found: Replaced[] = [];
  for (const { entry, sql } of byKey(dumpEntries(after).filter(isReplaceable)).values()) {
    const old = was.get(keyOf(entry));
    const [statement] = await parsed(sql);
    if (!statement) continue;
    found.push({ statement, undo: old && (await wayBack(statement, { is: sql, ...old }, before)) });
  }
  return found;
}

/** @returns the one that a CREATE OR REPLACE means; undefined where that is not certain. */
export function findReplaced(all: readonly Replaced[], statement: ParsedStatement): Replaced | undefined {
  const asked = identityOf(statement);
  if (!asked) return undefined;
  const found = all.filter((one) => {
    const { schema, rest } = identityOf(one.statement) ?? {};
    return rest === asked.rest && (asked.schema === undefined || asked.schema === schema);
  });
  return found.length === 1 ? found[0] : undefined;
}

async function wayBack(
  { kind, node, ...place }: ParsedStatement,
  { is, sql: was, entry }: { is: string; sql: string; entry: DumpEntry },
  before: string,
): Promise<readonly string[]> {
  if (is === was) return [];
  if (!(await isLarger(is, was))) return replaceText(is, was);
  const { undo } = inverseOf({ kind, node: { ...node, replace: false }, ...place });
  return [...undo, ...remakeText(entry, was, before)];
}

/** True when CREATE OR REPLACE cannot lead back: it takes neither columns from a view nor defaults from a function. */
export async function isLarger(is: string, was: string): Promise<boolean> {
  const [[now], [before]] = await Promise.all([parsed(is), parsed(was)]);
  return now !== undefined && before !== undefined && sizeOf(now) > sizeOf(before);
}

/** Gives an object the definition that it had, and what else a dump says with it where that is other now. */
export async function replaceText(is: string, was: string): Promise<string[]> {
  const [now, [create, ...others]] = await Promise.all([texts(is), texts(was)]);
  if (create === undefined) return [was];
  const changed = others.filter((text) => !now.includes(text));
  return [create.replace(/^CREATE (?!OR REPLACE)/, 'CREATE OR REPLACE '), ...changed];
}

/** Makes an object that was dropped again, with its grants and comments. */
export function remakeText(entry: DumpEntry, was: string, dump: string): string[] {
  return [was, ...dumpEntries(dump).flatMap((one) => (isAbout(one, entry) ? [one.sql] : []))];
}

const parsed = async (sql: string): Promise<readonly ParsedStatement[]> => (await parseSql(sql)).statements ?? [];

const texts = async (sql: string): Promise<string[]> =>
  (await parsed(sql)).map(({ start, end }) => `${sql.slice(start, end)};`);

/** Grants and comments, whose headings have the kind of the object before its name. */
function isAbout({ type, schema, name }: DumpEntry, entry: DumpEntry): boolean {
  if (!['ACL', 'COMMENT'].includes(type) || schema !== entry.schema) return false;
  return (
    name === `${entry.type} ${entry.name}` || name === `TABLE ${entry.name}` || name.startsWith(`COLUMN ${entry.name}.`)
  );
}

/** What can only grow: a view's columns, a function's defaults. */
function sizeOf({ kind, node }: ParsedStatement): number {
  if (kind === 'ViewStmt') {
    let query = (node as ViewStmt).query as { SelectStmt?: SelectStmt } | undefined;
    while (query?.SelectStmt?.larg) query = { SelectStmt: query.SelectStmt.larg };
    return query?.SelectStmt?.targetList?.length ?? 0;
  }
  return parametersOf(node).filter(({ defexpr }) => defexpr !== undefined).length;
}

interface Identity {
  readonly schema: string | undefined;
  /** Kind, name and types that go in. */
  readonly rest: string;
}

function identityOf({ kind, node }: ParsedStatement): Identity | undefined {
  if (kind === 'ViewStmt') {
    const { schemaname, relname } = (node as ViewStmt).view as RangeVar;
    return { schema: schemaname, rest: JSON.stringify([kind, relname]) };
  }
  if (kind !== 'CreateFunctionStmt') return undefined;
  const { funcname, is_procedure: isProcedure = false } = node as CreateFunctionStmt;
  const names = textsOf(funcname);
  const types = parametersOf(node)
    .filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE')
    .map(({ argType }) => typeOf(argType!));
  return { schema: names.at(-2), rest: JSON.stringify([kind, isProcedure, names.at(-1), types]) };
}

function parametersOf(node: ParsedStatement['node']): FunctionParameter[] {
  const { parameters = [] } = node as CreateFunctionStmt;
  return parameters.map((one) => (one as { FunctionParameter: FunctionParameter }).FunctionParameter);
}

/** Without its schema, which a file may leave out, and without its length, which a function does not look at. */
function typeOf({ names, arrayBounds = [], pct_type: isCopied }: TypeName): string {
  return `${textsOf(names).at(-1)}${arrayBounds.length > 0 ? '[]' : ''}${isCopied ? '%TYPE' : ''}`;
}

const textsOf = (names: unknown): string[] =>
  (names as { String: { sval: string } }[]).map(({ String: { sval } }) => sval);
