import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import { type FilePlace, formatPlace } from '../../../core/mapping.js';
import { classify, type Side } from '../../../platform/postgres.js';
import type { TextRow } from '../verify/session.js';

/** A query of the file, as it is sent to one side. */
export interface Asked {
  readonly sql: string;
  readonly values: TextRow;
  /** Name and place of the query, for messages. */
  readonly name: string;
  readonly place: FilePlace;
}

export interface Answer {
  readonly rows: readonly TextRow[];
  readonly columns: number;
  readonly ms: number;
}

/** Settings of a session that only reads, for a moment, beside an application. */
export const READING = { default_transaction_read_only: 'on', statement_timeout: '30s', lock_timeout: '5s' } as const;

/**
 * Asks one side.
 * @param client of `connect()`, whose values are text.
 * @throws FerryError `config-invalid` with the query's place when the server cannot understand it.
 */
export async function ask(side: Side, client: pg.ClientBase, { sql, values, name, place }: Asked): Promise<Answer> {
  const startedAt = performance.now();
  try {
    const { rows, fields } = await client.query<(string | null)[]>({
      text: sql,
      values: [...values],
      rowMode: 'array',
    });
    return { rows, columns: fields.length, ms: performance.now() - startedAt };
  } catch (error) {
    throw refused(side, error, `${formatPlace(place)}: the query ${name} on the ${side}`);
  }
}

/** The first rows of a query, whatever it would give in all. */
export async function sampleRows(
  source: pg.ClientBase,
  { sql, name, place }: Asked,
  limit: number,
): Promise<TextRow[]> {
  try {
    await source.query('BEGIN READ ONLY');
    await source.query(`DECLARE samples NO SCROLL CURSOR FOR ${sql}`);
    const { rows } = await source.query<(string | null)[]>({ text: `FETCH ${limit} FROM samples`, rowMode: 'array' });
    await source.query('COMMIT');
    return rows;
  } catch (error) {
    await source.query('ROLLBACK').catch(() => {});
    throw refused('source', error, `${formatPlace(place)}: the parameters of ${name}`);
  }
}

/** Syntax errors, names that are not there, values that do not fit (classes 42, 22), and writes: the file's fault. */
function refused(side: Side, error: unknown, subject: string): FerryError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code !== '42501' && /^(42|22|25006|08P01)/.test(code)) {
    return new FerryError('config-invalid', `${subject}: ${message}`, {
      remedy: 'Correct the query; names need their schema, and nothing but reading is allowed.',
      cause: error,
    });
  }
  return classify(side, error, subject);
}
