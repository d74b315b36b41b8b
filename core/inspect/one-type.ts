/** Kinds of types whose values all fit the widest of them, the widest last; without modifiers. */
const WIDENING: readonly (readonly string[])[] = [
  ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'],
  ['json', 'jsonb'],
];

/** What values of any type can be read as. */
const TEXT = 'text';

/** The type that values of all these types can be read as, by their text; any type's can be read as text. */
export function oneType(types: readonly string[]): string {
  const [first, ...others] = [...new Set(types)];
  if (others.length === 0) return first!;
  if (types.every((type) => type.endsWith('[]'))) return `${oneType(types.map((type) => type.slice(0, -2)))}[]`;
  const plain = types.map(withoutModifier);
  const kind = WIDENING.find((family) => plain.every((type) => family.includes(type)));
  if (!kind) return TEXT;
  const widest = Math.max(...plain.map((type) => kind.indexOf(type)));
  // Digits of a bigint or numeric are more than a double has.
  const isMixed = plain.some((type) => EXACT.has(type)) && plain.some((type) => FLOATING.has(type));
  return isMixed ? 'numeric' : kind[widest]!;
}

const EXACT: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint', 'numeric']);
const FLOATING: ReadonlySet<string> = new Set(['real', 'double precision']);

const withoutModifier = (type: string) => type.replace(/\(.*\)/, '');

/**
 * The value of a default that is a constant, as PostgreSQL's text; undefined of one that is computed.
 * @param expression as `pg_get_expr` writes it.
 */
export function constantDefault(expression: string): string | undefined {
  const quoted = /^'((?:[^'\\]|'')*)'(?:::[\w\s."()[\],]+)?$/.exec(expression);
  if (quoted) return quoted[1]!.replaceAll("''", "'");
  if (expression === 'true' || expression === 'false') return expression.slice(0, 1);
  return /^-?\d+(?:\.\d+)?$/.test(expression) ? expression : undefined;
}
