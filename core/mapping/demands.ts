import type { Expression } from './expression.js';

/** What a condition demands of one column, whatever else it says. */
interface Demand {
  readonly column: string;
  readonly isNull: boolean;
  /** One of these. */
  readonly only?: readonly string[];
  /** None of these. */
  readonly but?: readonly string[];
}

/** Whether no row fulfils both, as far as comparisons with texts tell; every row fulfils none. */
export function areDisjoint(one: Expression | undefined, other: Expression | undefined): boolean {
  if (!one || !other) return false;
  const demands = demandsOf(other);
  return demandsOf(one).some((a) => demands.some((b) => exclude(a, b)));
}

/** Columns that have one value, as its text, in all rows that fulfil a condition. */
export function onlyValues(condition: Expression | undefined): Map<string, string> {
  const demands = condition ? demandsOf(condition) : [];
  return new Map(demands.flatMap(({ column, only }) => (only?.length === 1 ? [[column, only[0]!]] : [])));
}

function demandsOf(expression: Expression): Demand[] {
  if (expression.kind === 'and') return expression.parts.flatMap(demandsOf);
  if (expression.kind === 'null') return [{ column: expression.column, isNull: true }];
  if (expression.kind === 'in') return [{ column: expression.column, isNull: false, only: expression.values }];
  if (expression.kind !== 'not') return [];
  const { part } = expression;
  if (part.kind === 'null') return [{ column: part.column, isNull: false }];
  return part.kind === 'in' ? [{ column: part.column, isNull: false, but: part.values }] : [];
}

function exclude(a: Demand, b: Demand): boolean {
  if (a.column !== b.column) return false;
  if (a.isNull !== b.isNull) return true;
  const isBut = (only: Demand['only'], but: Demand['but']) => only?.every((value) => but?.includes(value));
  if (isBut(a.only, b.but) || isBut(b.only, a.but)) return true;
  return a.only !== undefined && b.only !== undefined && !a.only.some((value) => b.only!.includes(value));
}
