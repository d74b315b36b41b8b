import { loadModule, type Node, parsePlPgSQLSync, scanSync } from 'libpg-query';
import { QuoteUtils } from 'pgsql-deparser';
import type { Grammar, SyntaxNode, Token } from '../core/schema/grammar.js';
import { deparsed } from './deparsed.js';
import { quoteIdentifier, quoteLiteral } from './postgres.js';
import { parseLoaded } from './sql-parser.js';

/** PostgreSQL's grammar, loaded. */
export async function loadGrammar(): Promise<Grammar> {
  await loadModule();
  return {
    parse: parseLoaded,
    tokens,
    parsePlpgsql: (create) => parsePlPgSQLSync(create),
    deparse: (statement: SyntaxNode) => deparsed(statement as unknown as Node)?.replace(/;$/, ''),
    // Without quotes where it reads the same: the files are for people, too.
    identifier: (name) => (QuoteUtils.quoteIdentifier(name) === name ? name : quoteIdentifier(name)),
    literal: quoteLiteral,
  };
}

const COMMENTS = new Set(['SQL_COMMENT', 'C_COMMENT']);

function tokens(sql: string): Token[] {
  if (sql.trim() === '') return [];
  // Places are bytes of UTF-8 there.
  const bytes = Buffer.from(sql);
  let [lastByte, lastCharacter] = [0, 0];
  const character = (byte: number): number => {
    lastCharacter += bytes.toString('utf8', lastByte, byte).length;
    lastByte = byte;
    return lastCharacter;
  };
  return scanSync(sql).tokens.flatMap(({ start, end, tokenName }) => {
    const [from, to] = [character(start), character(end)];
    return COMMENTS.has(tokenName) ? [] : [{ text: sql.slice(from, to), start: from, end: to, byte: start }];
  });
}
