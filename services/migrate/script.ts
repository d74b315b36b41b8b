import { FerryError } from '../../core/errors.js';
import type { ParsedStatement, SyntaxFailure } from '../../core/schema/grammar.js';
import { parseSql } from '../../platform/sql-parser.js';
import { lineAt } from './file-text.js';

/** What one message of the protocol carries: SQL, or a COPY with the rows that stand behind it. */
export interface Part {
  readonly sql: string;
  /** Of its first character, in the file. */
  readonly line: number;
  /** In `sql`. */
  readonly statements: readonly ParsedStatement[];
  /** Rows of `COPY ... FROM stdin`, without the line that ends them. */
  readonly data?: string;
}

/** A file of SQL, understood as far as running it takes. */
export interface Script {
  readonly file: string;
  readonly parts: readonly Part[];
}

/** Ends behind the semicolon of `COPY ... FROM stdin`, or of something that looks like one. */
const COPY_FROM_STDIN = /\bfrom\s+stdin\b(?:[^;']|'[^']*')*;[ \t]*(?:\n|$)/gi;

/**
 * Reads a file as psql would, for a server that does not know psql: rows of COPY are taken out of the SQL.
 * @throws FerryError `config-invalid` with file and line: a syntax error, a meta-command of psql, rows without an end.
 */
export async function readScript(file: string, text: string): Promise<Script> {
  const parts: Part[] = [];
  const candidates = new RegExp(COPY_FROM_STDIN);
  let start = 0;
  for (let match = candidates.exec(text); match; match = candidates.exec(text)) {
    const sql = text.slice(start, match.index + match[0].length);
    const { statements = [] } = await parseSql(sql);
    // Otherwise it is inside of a string, a comment or a function's body, or wrong, which the whole will tell.
    if (isCopyFromStdin(statements.at(-1))) {
      const rows = rowsBehind(file, text, start + sql.length);
      parts.push(...copyParts({ sql, line: lineAt(text, start), statements }, rows.data));
      start = rows.end;
      candidates.lastIndex = start;
    } else candidates.lastIndex = match.index + 1;
  }
  const rest = await readRest(file, text, start);
  return { file, parts: rest.statements.length > 0 ? [...parts, rest] : parts };
}

/** What stands before the COPY, and the COPY with its rows. */
function copyParts({ sql, line, statements }: Part, data: string): Part[] {
  const copy = statements.at(-1)!;
  const before = { sql: sql.slice(0, copy.start), line, statements: statements.slice(0, -1) };
  const own = {
    sql: sql.slice(copy.start),
    line: line + lineAt(sql, copy.start) - 1,
    statements: [{ ...copy, start: 0, end: copy.end - copy.start }],
    data,
  };
  return before.statements.length > 0 ? [before, own] : [own];
}

/** Parts of a single statement each. */
export function oneByOne(part: Part): Part[] {
  if (part.data !== undefined) return [part];
  return part.statements.map((statement) => {
    const { start, end } = statement;
    const line = part.line + lineAt(part.sql, start) - 1;
    const sql = part.sql.slice(start, end);
    return { sql, line, statements: [{ ...statement, start: 0, end: end - start }] };
  });
}

function isCopyFromStdin(statement: ParsedStatement | undefined): boolean {
  if (statement?.kind !== 'CopyStmt') return false;
  const { is_from: isFrom, filename, is_program: isProgram } = statement.node;
  return isFrom === true && filename === undefined && isProgram !== true;
}

function rowsBehind(file: string, text: string, from: number): { data: string; end: number } {
  const marker = /^\\\.[ \t]*(?:\n|$)/m;
  const match = marker.exec(text.slice(from));
  if (!match) {
    throw new FerryError('config-invalid', `${file}:${lineAt(text, from)}: the rows of COPY have no end`, {
      remedy: 'Put a line with \\. behind the rows.',
    });
  }
  return { data: text.slice(from, from + match.index), end: from + match.index + match[0].length };
}

async function readRest(file: string, text: string, start: number): Promise<Part> {
  const sql = text.slice(start);
  const line = lineAt(text, start);
  const { statements, failure } = await parseSql(sql);
  if (failure) throw syntaxError(file, { sql, line }, failure);
  return { sql, line, statements };
}

function syntaxError(file: string, { sql, line }: Pick<Part, 'sql' | 'line'>, { message, at }: SyntaxFailure) {
  const place = `${file}:${line + lineAt(sql, at) - 1}`;
  const meta = /^\\\S*/.exec(sql.slice(at))?.[0];
  if (meta === undefined) {
    return new FerryError('config-invalid', `${place}: ${message}`, {
      remedy: 'Correct the statement; nothing was run.',
    });
  }
  return new FerryError('config-invalid', `${place}: ${meta} is a command of psql, which does not run here`, {
    remedy: META_REMEDIES[meta] ?? 'Write it in SQL, or take it out; nothing was run.',
  });
}

/** What people use most, or get without asking. */
const META_REMEDIES: Readonly<Record<string, string>> = {
  '\\restrict': 'Take the line out: pg_dump writes it for psql alone.',
  '\\unrestrict': 'Take the line out: pg_dump writes it for psql alone.',
  '\\i': 'Put the text of that file here, or make it a migration of its own.',
  '\\ir': 'Put the text of that file here, or make it a migration of its own.',
  '\\include': 'Put the text of that file here, or make it a migration of its own.',
  '\\copy': 'Write COPY ... FROM stdin; with the rows behind it, and a line with \\. behind those.',
  '\\.': 'It ends rows of COPY, and there are none here.',
  '\\echo': 'Write a comment, or RAISE NOTICE in a DO block.',
  '\\set': 'Write the value where it is used.',
  '\\gexec': 'Write a DO block that runs EXECUTE in a loop.',
};
