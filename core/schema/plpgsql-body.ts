import type { Scope } from './column-scope.js';
import { type DeclaredType, declaredTypes, movedType, qualifiedNames, readableType } from './declared-types.js';
import type { Token } from './grammar.js';
import { type MovedSql, type Moving, moveSql } from './move-sql.js';
import { type PlpgsqlExpression, type PlpgsqlTree, plpgsqlTree } from './plpgsql-tree.js';
import { type Cut, joined } from './splice.js';

/** A function in PL/pgSQL. */
export interface PlpgsqlFunction {
  /** The whole CREATE FUNCTION. */
  readonly create: string;
  /** Its body, as it stands there. */
  readonly body: string;
}

/** What the grammar has read, and in whose place it read it. */
interface Reading {
  readonly tree: PlpgsqlTree;
  /** CREATE FUNCTION, up to the body and behind it. */
  readonly around: readonly [string, string];
  /** Types that it read as others. */
  readonly read: readonly Cut[];
  readonly declared: readonly DeclaredType[];
}

/**
 * Moves the SQL of a PL/pgSQL body, each piece at its place; all else of the body stays as it stands.
 * @returns the body. It is trusted only when the grammar finds in it what was meant.
 */
export function movePlpgsql(routine: PlpgsqlFunction, scope: Scope, moving: Moving): MovedSql {
  const reading = readPlpgsql(routine, moving);
  if (typeof reading === 'string') return { problems: [`its body is not understood: ${reading}`], remarks: [] };
  const { tree, around, read, declared } = reading;
  const { body } = routine;
  const { cuts, wanted, problems, remarks } = moveExpressions(body, tree, { scope, moving });
  for (const line of tree.dynamicLines) {
    remarks.push(`EXECUTE in line ${line} of its body: names in SQL that is put together at run time are not changed`);
  }
  problems.push(...unseen(body, reading, moving));
  if (problems.length > 0) return { problems, remarks };
  const types = declared.flatMap((type) => movedType(type, moving.names, moving.grammar));
  const text = joined(body, [...cuts, ...types]);
  const check = joined(body, [...cuts, ...(read.length > 0 ? read : types)]);
  const found = check === undefined ? '' : readTree(around.join(check), moving);
  if (text === undefined || typeof found === 'string' || !hasExpressions(found, wanted)) {
    return { problems: ['the new names in its body cannot be written for certain'], remarks };
  }
  return { sql: text, problems, remarks };
}

/** First with types that the grammar knows: of a variable that it takes for a row it does not tell the default. */
function readPlpgsql({ create, body }: PlpgsqlFunction, moving: Moving): Reading | string {
  const at = create.indexOf(body);
  const [head, behind] = [create.slice(0, at), create.slice(at + body.length)];
  const types = declaredTypes(moving.grammar.tokens(body));
  // Casts stand in expressions, and behind no variable.
  const cuts = types.flatMap((type) => readableType(type, moving.names));
  const readable = cuts.length > 0 ? joined(body, cuts) : undefined;
  const around: [string, string] = [readable === undefined ? head : readableHead(head, create, moving), behind];
  const first = readable === undefined ? undefined : readTree(around.join(readable), moving);
  if (first !== undefined && typeof first !== 'string') {
    return { tree: first, around, read: cuts, declared: outside(types, { body, tree: first }) };
  }
  const tree = readTree(create, moving);
  if (typeof tree === 'string') return tree;
  return { tree, around: [head, behind], read: [], declared: outside(types, { body, tree }) };
}

/** Parameters, too. */
function readableHead(head: string, create: string, { names, grammar }: Moving): string {
  const tokens = grammar.tokens(create).filter(({ end }) => end <= head.length);
  const types = declaredParameters(tokens).flatMap((type) => readableType(type, names));
  return joined(head, types) ?? head;
}

/** Qualified types of parameters and columns: `OUT kind public.kind,`. */
function declaredParameters(tokens: readonly Token[]): DeclaredType[] {
  return tokens.flatMap((token, index): DeclaredType[] => {
    const name = tokens[index + 2];
    const next = tokens[index + 3]?.text.toLowerCase() ?? '';
    if (tokens[index + 1]?.text !== '.' || !name || !(next === ',' || next === ')' || next === 'default')) return [];
    const parts = [token, name].map(({ text }) => text.replaceAll('"', ''));
    return [{ start: token.start, end: name.end, wholeEnd: name.end, parts, kind: 'type' }];
  });
}

/** @returns what is wrong, where it cannot be read. */
function readTree(create: string, { grammar }: Moving): PlpgsqlTree | string {
  try {
    return plpgsqlTree(grammar.parsePlpgsql(create));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const hasExpressions = ({ expressions }: PlpgsqlTree, wanted: readonly string[]): boolean =>
  JSON.stringify(expressions.map(({ query }) => query)) === JSON.stringify(wanted);

interface Pieces {
  readonly cuts: Cut[];
  /** What the grammar should find in the new body. */
  readonly wanted: string[];
  readonly problems: string[];
  readonly remarks: string[];
}

interface Around {
  readonly scope: Scope;
  readonly moving: Moving;
}

function moveExpressions(body: string, { expressions }: PlpgsqlTree, { scope, moving }: Around): Pieces {
  const places = placesOf(body, expressions);
  const cuts = new Map<number, Cut>();
  const [wanted, problems, remarks]: string[][] = [[], [], []];
  for (const [index, expression] of expressions.entries()) {
    const moved = moveExpression(expression, scope, moving);
    const place = places[index];
    const own = moved.cuts ?? [];
    problems!.push(...moved.problems);
    remarks!.push(...moved.remarks);
    wanted!.push(joined(expression.query, own) ?? '');
    if (own.length > 0 && place === undefined) problems!.push(`${expression.query}: where it stands is not found`);
    // The same piece may stand in the tree twice.
    else
      for (const { start, end, by } of own) cuts.set(start + place!, { start: start + place!, end: end + place!, by });
  }
  return { cuts: [...cuts.values()], wanted: wanted!, problems: problems!, remarks: remarks! };
}

/** Where each expression starts in the body; undefined where it is not found. */
function placesOf(body: string, expressions: readonly PlpgsqlExpression[]): (number | undefined)[] {
  const lineStarts = [0, ...[...body.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const ends = new Map<string, number>();
  return expressions.map((expression) => {
    const { query, line } = expression;
    const pattern = new RegExp(patternOf(expression), 'gi');
    pattern.lastIndex = Math.max(lineStarts[line - 1] ?? 0, ends.get(query) ?? 0);
    const match = pattern.exec(body);
    if (!match) return undefined;
    ends.set(query, match.index + 1);
    // PERFORM is longer than the SELECT in its place.
    return match.index + (expression.isPerform ? 1 : 0);
  });
}

/** Blanks may be where INTO stands in the body: as many characters of whatever. */
function patternOf({ query, isPerform }: PlpgsqlExpression): string {
  const pattern = (isPerform ? query.replace(/^SELECT/, 'PERFORM') : query)
    .split(/( {6,})/)
    .map((part, index) =>
      index % 2 === 1 ? `[^]{${part.length}}` : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`),
    );
  return pattern.join('');
}

/** Names that stand where the grammar has told of nothing: whatever they are, they are not left behind unsaid. */
function unseen(body: string, { tree, declared }: Reading, { names, grammar }: Moving): string[] {
  const chains = qualifiedNames(grammar.tokens(body));
  const isDeclared = ({ start }: DeclaredType) => declared.some((type) => start >= type.start && start < type.wholeEnd);
  return outside(chains, { body, tree }).flatMap((chain) => {
    const [schema, name] = chain.parts as [string, string];
    if (isDeclared(chain)) return [];
    const place = names.relation(schema, name) ?? names.type(schema, name) ?? names.routine(schema, name);
    return place ? [`${schema}.${name} stands in its body where no expression is known`] : [];
  });
}

function outside(
  types: readonly DeclaredType[],
  { body, tree: { expressions } }: { readonly body: string; readonly tree: PlpgsqlTree },
): DeclaredType[] {
  const places = placesOf(body, expressions);
  return types.filter(({ start }) =>
    expressions.every(
      ({ query }, i) => places[i] === undefined || start < places[i] || start >= places[i] + query.length,
    ),
  );
}

/** Moves one as the statement that it is short for. */
function moveExpression({ query, kind }: PlpgsqlExpression, scope: Scope, moving: Moving): MovedSql {
  if (kind === 'statement') return withCuts(moveSql(query, scope, moving));
  const value = kind === 'assignment' ? assignedAt(query, moving.grammar.tokens(query)) : 0;
  const right = shifted(moveValue(query.slice(value), scope, moving), value);
  // A variable, or a field of one: NEW.updated_at.
  const target = query.slice(0, value).replace(/:?=$/, '');
  const left = target.includes('.') ? moveValue(target, scope, moving) : NOTHING;
  return {
    cuts: [...(left.cuts ?? []), ...(right.cuts ?? [])],
    problems: [...left.problems, ...right.problems],
    remarks: [...left.remarks, ...right.remarks],
  };
}

const NOTHING: MovedSql = { problems: [], remarks: [] };

/** In a row, so that its columns are not taken for a query's, which keep their names. `count(*) FROM t` fits into none. */
function moveValue(value: string, scope: Scope, moving: Moving): MovedSql {
  const inRow = `SELECT ROW(${value})`;
  const [prefix, sql] = moving.grammar.parse(inRow).failure ? ['SELECT ', `SELECT ${value}`] : ['SELECT ROW(', inRow];
  return shifted(withCuts(moveSql(sql, scope, moving)), -prefix.length);
}

function withCuts(moved: MovedSql): MovedSql {
  if (moved.sql === undefined || moved.cuts) return moved;
  return { ...moved, problems: ['its new names cannot be written for certain'] };
}

function shifted(moved: MovedSql, by: number): MovedSql {
  const cuts = (moved.cuts ?? []).map((cut) => ({ ...cut, start: cut.start + by, end: cut.end + by }));
  return { ...moved, cuts };
}

/** Behind the `:=` or `=` of an assignment. */
function assignedAt(query: string, tokens: readonly Token[]): number {
  let depth = 0;
  for (const { text, end } of tokens) {
    if (text === '[' || text === '(') depth++;
    if (text === ']' || text === ')') depth--;
    if (depth === 0 && (text === ':=' || text === '=')) return end;
  }
  return query.length;
}
