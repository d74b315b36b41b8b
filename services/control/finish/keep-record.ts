import type { ClientBase } from 'pg';

/** What is worth more than the project it was written in: when an entry was made, and what else it has. */
const RECORDS = {
  conflict: { at: 'found_at', columns: ['table_name', 'key', 'op', 'why', 'lost_at', 'kept_at', 'lost', 'kept'] },
  act: { at: 'done_at', columns: ['act', 'subject', 'detail', 'done_by'] },
} as const;

/** So many entries are in memory at a time. */
const AT_ONCE = 1_000;

interface Sides {
  readonly source: ClientBase;
  readonly target: ClientBase;
}

/**
 * Copies the record of a way back, which stands in the old project where its apply writes, to that of the new project.
 * Done again it is the same; entries that the old project has no more, because its record was taken away, stay.
 */
export async function keepRecord({ source, target }: Sides, wayBack: string): Promise<void> {
  await target.query('BEGIN');
  try {
    for (const record of Object.keys(RECORDS) as (keyof typeof RECORDS)[])
      await copy({ source, target }, wayBack, record);
    await target.query('COMMIT');
  } catch (error) {
    await target.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function copy({ source, target }: Sides, wayBack: string, record: keyof typeof RECORDS): Promise<void> {
  const table = `ferry.${record}`;
  const { rows: there } = await source.query('SELECT WHERE pg_catalog.to_regclass($1) IS NOT NULL', [table]);
  if (there.length === 0) return;
  const { at, columns: others } = RECORDS[record];
  const columns = ['pipeline', at, ...others].join(', ');
  const { rows: oldest } = await source.query<{ at: string | null }>(
    `SELECT min(${at}) AS at FROM ${table} WHERE pipeline = $1`,
    [wayBack],
  );
  await target.query(`DELETE FROM ${table} WHERE pipeline = $1 AND ${at} >= $2`, [wayBack, oldest[0]!.at]);
  for (let last = '0'; ; ) {
    const { rows } = await source.query<{ entries: string | null; last: string }>(
      `SELECT json_agg(entry) AS entries, max(id) AS last
         FROM (SELECT * FROM ${table} WHERE pipeline = $1 AND id > $2 ORDER BY id LIMIT ${AT_ONCE}) entry`,
      [wayBack, last],
    );
    const { entries } = rows[0]!;
    if (entries === null) return;
    await target.query(
      `INSERT INTO ${table} (${columns})
       SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1) ORDER BY id`,
      [entries],
    );
    last = rows[0]!.last;
  }
}
