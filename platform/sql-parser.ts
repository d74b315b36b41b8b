import { hasSqlDetails, loadModule, type ParseResult, parseSync } from 'libpg-query';
import type { Parsed, ParsedStatement } from '../core/schema/grammar.js';

/** Reads SQL without a server. */
export async function parseSql(sql: string): Promise<Parsed> {
  await loadModule();
  return parseLoaded(sql);
}

/** As {@link parseSql}, once libpg-query's module is loaded. */
export function parseLoaded(sql: string): Parsed {
  // Of nothing at all libpg-query says that it is an error.
  if (sql.trim() === '') return { statements: [] };
  try {
    return { statements: statementsOf(sql, parseSync(sql)) };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const { message, cursorPosition } = error.sqlDetails!;
    return { failure: { message, at: offsetOfPoint(sql, cursorPosition) } };
  }
}

function statementsOf(sql: string, { stmts = [] }: ParseResult): ParsedStatement[] {
  // Places are bytes of UTF-8 there; without characters that take more than one, they are characters.
  const bytes = Buffer.from(sql);
  const isPlain = bytes.length === sql.length;
  let [lastByte, lastCharacter] = [0, 0];
  const character = (byte: number): number => {
    if (isPlain) return byte;
    lastCharacter += bytes.toString('utf8', lastByte, byte).length;
    lastByte = byte;
    return lastCharacter;
  };
  return stmts.map(({ stmt, stmt_location: from = 0, stmt_len: length }) => {
    const [kind, node] = Object.entries(stmt!)[0] as [string, Record<string, unknown>];
    const start = character(from);
    return { kind, node, start, end: character(length === undefined ? bytes.length : from + length) };
  });
}

/** The scanner counts code points, JavaScript the halves of those beyond 16 bits. */
function offsetOfPoint(sql: string, points: number): number {
  let offset = 0;
  for (let left = points; left > 0 && offset < sql.length; left--) {
    offset += sql.codePointAt(offset)! > 0xffff ? 2 : 1;
  }
  return offset;
}
