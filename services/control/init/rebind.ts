import type { QualifiedName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';

/** The new name of what the source knows by a qualified name; undefined for what keeps its name. */
export type Rebinding = (name: QualifiedName) => QualifiedName | undefined;

/** Strings (with E'' escapes), quoted identifiers, plain words, white space, or any one other character. */
const TOKEN =
  /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*|\p{N}[\p{L}\p{N}_.]*|\s+|./gsu;

/** Types whose literals are names of catalog objects: `nextval('public.t_id_seq'::regclass)`. */
const NAME_LITERAL = /^(?:regclass|regtype)$/;

/**
 * Renames the qualified identifiers in SQL that PostgreSQL has deparsed under an empty search_path, where every name
 * outside pg_catalog is qualified and nothing but `schema.name` has two parts. Strings stay as they are, except those
 * that are cast to regclass or regtype.
 */
export function rebind(sql: string, rebinding: Rebinding): string {
  const tokens = sql.match(TOKEN) ?? [];
  let result = '';
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    const name = qualifiedAt(tokens, index);
    const renamed = name && rebinding(name);
    if (name) {
      result += renamed ? quoteName(renamed) : tokens.slice(index, index + 3).join('');
      index += 2;
    } else if (token.startsWith("'") && isNameLiteral(tokens, index)) {
      result += `'${rebind(token.slice(1, -1).replaceAll("''", "'"), rebinding).replaceAll("'", "''")}'`;
    } else {
      result += token;
    }
  }
  return result;
}

function qualifiedAt(tokens: readonly string[], index: number): QualifiedName | undefined {
  if (tokens[index + 1] !== '.' || tokens[index - 1] === '.') return undefined;
  const schema = identifier(tokens[index]);
  const table = identifier(tokens[index + 2]);
  return schema === undefined || table === undefined ? undefined : { schema, table };
}

function identifier(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  if (token.length > 1 && token.startsWith('"')) return token.slice(1, -1).replaceAll('""', '"');
  return /^[\p{L}_]/u.test(token) && !token.endsWith("'") ? token : undefined;
}

function isNameLiteral(tokens: readonly string[], index: number): boolean {
  return tokens[index + 1] === ':' && tokens[index + 2] === ':' && NAME_LITERAL.test(tokens[index + 3] ?? '');
}
