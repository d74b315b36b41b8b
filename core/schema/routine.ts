import type { Scope } from './column-scope.js';
import { type ColumnWalk, renameColumns } from './column-walk.js';
import type { SyntaxNode } from './grammar.js';
import { type MovedSql, type Moving, moveParsed, moveSql } from './move-sql.js';
import { movePlpgsql } from './plpgsql-body.js';
import { isNode, itemsOf, stringNode, stringOf } from './syntax.js';

export interface RoutineMoving extends Moving {
  /** Schemas in which extensions stand: what is left of a search_path. */
  readonly extensionSchemas: readonly string[];
  /** Of a trigger function: NEW and OLD. */
  readonly scope: Scope;
}

/** A routine's options by their names. */
export function routineOptions(node: Readonly<SyntaxNode>): Map<string, SyntaxNode> {
  const options = itemsOf(node.options).map((item) => item.DefElem as SyntaxNode);
  return new Map(options.map((option) => [String(option.defname), option]));
}

/** The schemas that a routine's own `SET search_path` lists; undefined where it has none. */
export function searchPathOf(node: Readonly<SyntaxNode>): string[] | undefined {
  const setting = searchPathSetting(node);
  if (!setting) return undefined;
  const values = itemsOf(setting.args).map((item) => {
    const { sval } = ((item.A_Const as SyntaxNode | undefined)?.sval ?? {}) as { sval?: string };
    return sval ?? '';
  });
  return values.flatMap((value) => value.split(',').map((name) => name.trim().replaceAll('"', ''))).filter(Boolean);
}

function searchPathSetting(node: Readonly<SyntaxNode>): SyntaxNode | undefined {
  const settings = itemsOf(node.options).flatMap((item) => {
    const { defname, arg } = item.DefElem as SyntaxNode;
    return defname === 'set' && isNode(arg) ? [arg.VariableSetStmt as SyntaxNode] : [];
  });
  return settings.find(({ name }) => name === 'search_path');
}

export const languageOf = (node: Readonly<SyntaxNode>): string =>
  stringOf(routineOptions(node).get('language')?.arg)?.toLowerCase() ?? 'sql';

/** A body that is a string; undefined where it is part of the statement (BEGIN ATOMIC), or in a library. */
export function bodyOf(node: Readonly<SyntaxNode>): string | undefined {
  const items = itemsOf(routineOptions(node).get('as')?.arg);
  return items.length === 1 ? stringOf(items[0]) : undefined;
}

/** Moves CREATE FUNCTION or PROCEDURE, its body with it. */
export function moveRoutine(create: string, moving: RoutineMoving): MovedSql {
  const bodyRemarks: string[] = [];
  const moved = moveParsed(create, moving, ([statement], walk) => {
    const node = statement!.CreateFunctionStmt as SyntaxNode;
    renameColumns(node.sql_body, [], walk);
    moveSearchPath(create, node, { walk, moving });
    const body = bodyOf(node);
    if (body === undefined) return;
    const inner = moveBody({ create, body, language: languageOf(node) }, moving);
    walk.problems.push(...inner.problems);
    bodyRemarks.push(...inner.remarks);
    if (inner.sql === undefined || inner.sql === body) return;
    routineOptions(node).get('as')!.arg = { List: { items: [stringNode(inner.sql)] } };
    walk.edits.push({ text: body, by: inner.sql });
  });
  return { ...moved, remarks: [...moved.remarks, ...bodyRemarks] };
}

interface Body {
  readonly create: string;
  readonly body: string;
  readonly language: string;
}

function moveBody({ create, body, language }: Body, moving: RoutineMoving): MovedSql {
  if (language === 'sql') return moveSql(body, moving.scope, moving);
  if (language === 'plpgsql') return movePlpgsql({ create, body }, moving.scope, moving);
  return { sql: body, problems: [], remarks: [`its body is in ${language}: names in it are not changed`] };
}

/** Names are written out, so that the path is left with what only extensions need: their operators. */
function moveSearchPath(
  create: string,
  node: SyntaxNode,
  { walk, moving }: { readonly walk: ColumnWalk; readonly moving: RoutineMoving },
): void {
  const setting = searchPathSetting(node);
  const text = SEARCH_PATH.exec(create)?.[0];
  if (!setting || text === undefined) return;
  const left = searchPathOf(node)!.filter((schema) => moving.extensionSchemas.includes(schema));
  const kept = left.length > 0 ? left : [''];
  setting.args = kept.map((sval) => ({ A_Const: { sval: { sval } } }));
  walk.edits.push({ text, by: `SET search_path TO ${kept.map(moving.grammar.literal).join(', ')}` });
}

/** As pg_dump writes it. */
const SEARCH_PATH = /\bSET search_path TO ('(?:[^']|'')*'|"[^"]*"|[\w$]+)(, *('(?:[^']|'')*'|"[^"]*"|[\w$]+))*/;
