import type { ClientBase } from 'pg';

/** What is worth more than the project it was written in: each with what an entry has beside its number. */
const RECORDS = {
  conflict: ['table_name', 'key', 'op', 'why', 'lost_at', 'kept_at', 'lost', 'kept', 'found_at'],
  act: ['act', 'subject', 'detail', 'done_at', 'done_by'],
} as const;

/** So many entries are in memory at a time. */
const AT_ONCE = 1_000;

/**
 * Copies the record of a way back, which stands in the old project where its apply writes, to that of the new project.
 * Done again it is the same; where the old project has none any more, the copy stays.
 */
export async function keepRecord(
  { source, target }: { readonly source: ClientBase; readonly target: ClientBase },
  wayBack: string,
): Promise<void> {
  const { rows } = await source.query<{ there: string }>(
    "SELECT pg_catalog.to_regclass('ferry.act') IS NOT NULL AND pg_catalog.to_regclass('ferry.conflict') IS NOT NULL AS there",
  );
  if (rows[0]!.there !== 't') return;
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

async function copy(
  { source, target }: Parameters<typeof keepRecord>[0],
  wayBack: string,
  record: keyof typeof RECORDS,
): Promise<void> {
  const columns = ['pipeline', ...RECORDS[record]].join(', ');
  await target.query(`DELETE FROM ferry.${record} WHERE pipeline = $1`, [wayBack]);
  for (let last = '0'; ; ) {
    const { rows } = await source.query<{ entries: string | null; last: string }>(
      `SELECT json_agg(entry) AS entries, max(id) AS last
         FROM (SELECT * FROM ferry.${record} WHERE pipeline = $1 AND id > $2 ORDER BY id LIMIT ${AT_ONCE}) entry`,
      [wayBack, last],
    );
    const { entries } = rows[0]!;
    if (entries === null) return;
    await target.query(
      `INSERT INTO ferry.${record} (${columns})
       SELECT ${columns} FROM json_populate_recordset(NULL::ferry.${record}, $1) ORDER BY id`,
      [entries],
    );
    last = rows[0]!.last;
  }
}
