/**
 * A row's own text form tells NULL from '' and one column from the next, and holds up to 1,664 columns. The collation
 * is named because hashing asks it whether different bytes may be equal.
 */
export function hashOf(columns: readonly string[], recode: boolean): string {
  const text = `ROW(${columns.join(', ')})::text`;
  const bytes = recode ? `pg_catalog.encode(pg_catalog.convert_to(${text}, 'UTF8'), 'base64')` : text;
  return `pg_catalog.hashtextextended(${bytes} COLLATE "C", 0)`;
}
