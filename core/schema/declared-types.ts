import type { Grammar, Token } from './grammar.js';
import type { Names, Place } from './names.js';
import { type Cut, nameOf } from './splice.js';

/** A type that a PL/pgSQL body gives a variable: `entity public.entities%ROWTYPE`. */
export interface DeclaredType {
  readonly start: number;
  /** Behind its name, without `%ROWTYPE`. */
  readonly end: number;
  /** Behind all of it. */
  readonly wholeEnd: number;
  /** Of the table or type, and of the column where it is that one's. */
  readonly parts: readonly string[];
  readonly kind: 'type' | 'row' | 'column';
}

/** What may stand behind the type of a variable. */
const BEHIND = new Set([';', ':=', '=', 'default', 'not', '[', '(', 'collate', '%']);
/** Finds the types of variables in a body, between DECLARE and BEGIN: the grammar tells where none of them stands. */
export function declaredTypes(tokens: readonly Token[]): DeclaredType[] {
  let isDeclaring = false;
  return tokens.flatMap((token, index): DeclaredType[] => {
    const word = token.text.toLowerCase();
    if (word === 'declare' || word === 'begin') isDeclaring = word === 'declare';
    const before = tokens[index - 1];
    if (!isDeclaring || !isName(token) || !before || !isName(before) || word === 'declare') return [];
    return typeAt(tokens, index);
  });
}

function typeAt(tokens: readonly Token[], index: number): DeclaredType[] {
  const { start } = tokens[index]!;
  const parts = partsAt(tokens, index);
  const next = index + 2 * parts.length - 1;
  const end = tokens[next - 1]!.end;
  if (!BEHIND.has(tokens[next]?.text.toLowerCase() ?? '')) return [];
  if (tokens[next]!.text !== '%') return [{ start, end, wholeEnd: end, parts, kind: 'type' }];
  const word = tokens[next + 1];
  const kind = word?.text.toLowerCase() === 'rowtype' ? 'row' : 'column';
  return word ? [{ start, end, wholeEnd: word.end, parts, kind }] : [];
}

/** All names of two parts or more. */
export function qualifiedNames(tokens: readonly Token[]): DeclaredType[] {
  return tokens.flatMap((token, index): DeclaredType[] => {
    if (!isName(token) || tokens[index - 1]?.text === '.') return [];
    const parts = partsAt(tokens, index);
    const { end } = tokens[index + 2 * parts.length - 2]!;
    return parts.length < 2 ? [] : [{ start: token.start, end, wholeEnd: end, parts, kind: 'type' }];
  });
}

const isName = ({ text }: Token): boolean => /^["\p{L}_]/u.test(text);

function partsAt(tokens: readonly Token[], index: number): string[] {
  const parts = [nameOf(tokens[index]!)];
  for (let at = index + 1; tokens[at]?.text === '.' && tokens[at + 1]; at += 2) parts.push(nameOf(tokens[at + 1]!));
  return parts;
}

/** What a declared type is called in the target. */
export function movedType({ parts, kind, start, end }: DeclaredType, names: Names, grammar: Grammar): Cut[] {
  const [schema, name] = nameParts(parts, kind);
  const place: Place | undefined = kind === 'type' ? names.type(schema, name) : names.relation(schema, name);
  if (!place) return [];
  const changes = kind === 'column' ? names.columns(schema, name)?.changes : undefined;
  const column = kind === 'column' ? parts.slice(-1).map((part) => changes?.get(part) ?? part) : [];
  return [{ start, end, by: [place.schema, place.name, ...column].map(grammar.identifier).join('.') }];
}

/**
 * The grammar takes a type that it does not know for a row, and reads no list of variables with one; fields of a
 * `%ROWTYPE` it does not know either. So it gets types that it knows in their places.
 */
export function readableType({ parts, kind, start, wholeEnd }: DeclaredType, names: Names): Cut[] {
  if (kind === 'row') return [{ start, end: wholeEnd, by: 'record' }];
  const [schema, name] = nameParts(parts, kind);
  if (kind === 'column' || names.isRow(schema, name)) return [];
  // Those of PostgreSQL itself are known.
  return schema === undefined && !names.type(schema, name) ? [] : [{ start, end: wholeEnd, by: 'text' }];
}

function nameParts(parts: readonly string[], kind: DeclaredType['kind']): [string | undefined, string] {
  const own = kind === 'column' ? parts.slice(0, -1) : parts;
  return own.length > 1 ? [own.at(-2), own.at(-1)!] : [undefined, own[0] ?? ''];
}
