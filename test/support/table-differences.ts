import { pipeline as pipe } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { type TableMapping, targetColumn } from '../../core/mapping.js';
import { displayName, type QualifiedName } from '../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../platform/postgres.js';

/** A row that one side has and the other has not, as its columns' texts. */
export interface RowDifference {
  readonly table: string;
  readonly onlyIn: 'source' | 'target';
  readonly row: string;
}

const SHOWN_CHARACTERS = 300;

/**
 * Compares a source table with its target table by SQL alone: both sides' rows, each column as its output function
 * writes it, are put beside each other in the target session, and EXCEPT ALL is asked both ways.
 * @returns the first few rows that differ; none when the tables are equal.
 */
export async function tableDifferences(
  source: ClientBase,
  target: ClientBase,
  mapping: Pick<TableMapping, 'source' | 'target' | 'rename'>,
): Promise<RowDifference[]> {
  const columns = await columnNames(source, mapping.source);
  const places = columns.map((_, i) => `c${i}`).join(', ');
  const both = { source: 'pg_temp.rows_of_source', target: 'pg_temp.rows_of_target' };
  const select = (table: QualifiedName, names: readonly string[]) =>
    copyTo(`COPY (SELECT ${names.map(quoteIdentifier).join(', ')} FROM ${quoteName(table)}) TO STDOUT`);
  const renamed = columns.map((column) => targetColumn(mapping, column));
  try {
    for (const rows of Object.values(both)) {
      await target.query(`CREATE TEMP TABLE ${rows.slice(8)} (${places.replaceAll(/c\d+/g, '$& text')})`);
    }
    await pipe(source.query(select(mapping.source, columns)), target.query(copyFrom(`COPY ${both.source} FROM STDIN`)));
    // COPY cannot read and write within one session.
    const texts = renamed.map(
      (name) => `CASE WHEN t.${quoteIdentifier(name)} IS DISTINCT FROM NULL
      THEN pg_catalog.format('%s', t.${quoteIdentifier(name)}) END`,
    );
    await target.query(`INSERT INTO ${both.target} SELECT ${texts.join(', ')} FROM ${quoteName(mapping.target)} t`);
    const except = (one: string, other: string) =>
      `(SELECT * FROM ${one} EXCEPT ALL SELECT * FROM ${other} ORDER BY 1 LIMIT 5)`;
    const { rows } = await target.query<{ only_in: 'source' | 'target'; row: string }>(
      `SELECT 'source' AS only_in, left(d::text, ${SHOWN_CHARACTERS}) AS row FROM ${except(both.source, both.target)} d
       UNION ALL
       SELECT 'target', left(d::text, ${SHOWN_CHARACTERS}) FROM ${except(both.target, both.source)} d`,
    );
    return rows.map((row) => ({ table: displayName(mapping.source), onlyIn: row.only_in, row: row.row }));
  } finally {
    await target.query(`DROP TABLE IF EXISTS ${both.source}, ${both.target}`);
  }
}

async function columnNames(session: ClientBase, table: QualifiedName): Promise<string[]> {
  const { rows } = await session.query<{ attname: string }>(
    `SELECT attname FROM pg_catalog.pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quoteName(table)],
  );
  return rows.map((row) => row.attname);
}
