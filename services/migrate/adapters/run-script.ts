import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { FerryError } from '../../../core/errors.js';
import { classify } from '../../../platform/postgres.js';
import { lineAt } from '../file-text.js';
import type { Part, Script } from '../script.js';

/** What a statement's end is told to. */
export type OnStatement = (done: number) => void;

export interface StatementResult {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  readonly rows: readonly Readonly<Record<string, string | null>>[];
}

/**
 * Sends a file to the server, each of its parts as one message, in whatever transaction the session is.
 * @throws FerryError `migration-failed` with file and line of the statement; the connection's errors as they are.
 */
export async function runScript(
  session: pg.Client,
  { file, parts }: Script,
  onStatement?: OnStatement,
): Promise<StatementResult[]> {
  const results: StatementResult[] = [];
  let before = 0;
  for (const part of parts) {
    let done = 0;
    const count = () => onStatement?.(before + ++done);
    const { connection } = session as unknown as { connection: NodeJS.EventEmitter };
    // One for each statement, in order: the first one that has none is the one that failed.
    connection.on('commandComplete', count);
    try {
      results.push(...(await runPart(session, part)));
    } catch (error) {
      throw scriptError(file, part, { error: error as ServerError, done });
    } finally {
      connection.off('commandComplete', count);
    }
    before += part.statements.length;
  }
  return results;
}

async function runPart(session: pg.Client, { sql, data }: Part): Promise<StatementResult[]> {
  if (data === undefined) return [await session.query(sql)].flat();
  await pipeline(Readable.from([data]), session.query(copyFrom(sql)));
  return [];
}

/** What the server says of an error; the place, counted from 1 on, is missing where it has none. */
type ServerError = Error & { readonly code?: string; readonly position?: string; readonly detail?: string };

/** Codes that tell about the connection, not about the file. */
const CONNECTION = new Set(['target-unreachable', 'server-read-only', 'disk-full', 'auth-failed']);

function scriptError(file: string, part: Part, { error, done }: { error: ServerError; done: number }): FerryError {
  const statement = part.statements[Math.min(done, part.statements.length - 1)]!;
  const offset = error.position ? offsetOf(part.sql, Number(error.position)) : statement.start;
  const place = `${file}:${part.line + lineAt(part.sql, offset) - 1}`;
  const known = classify('target', error, place);
  if (CONNECTION.has(known.code)) return known;
  return new FerryError('migration-failed', `${place}: ${error.message}`, {
    // The detail of some errors has a row's values, so it stays out.
    details: { sqlstate: error.code, line: Number(place.split(':').at(-1)) },
    remedy: REMEDIES[error.code ?? ''],
    cause: error,
  });
}

/** PostgreSQL counts code points. */
function offsetOf(sql: string, position: number): number {
  return [...sql].slice(0, position - 1).join('').length;
}

const REMEDIES: Readonly<Record<string, string | undefined>> = {
  '25001':
    'This statement runs only without a transaction: a migration says so by a line `-- ferry: no-transaction`; a script that undoes one cannot.',
  '42501': 'Run it as a role that may do this; nothing of the file was kept.',
  '55P03': 'Another session holds the lock: end it, or try when less goes on; nothing of the file was kept.',
};
