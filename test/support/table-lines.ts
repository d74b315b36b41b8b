import type { ColumnFacts, Reference, TableFacts } from '../../core/inspect/table-facts.js';

/**
 * Tables in as few words as a person would draw them: `public.orders: id uuid, user_id uuid > public.users, total
 * numeric`. The first column is the key, or the first two where the first two refer to tables and no `id` stands there.
 */
export function tablesOf(lines: string): { readonly tables: TableFacts[]; readonly references: Reference[] } {
  const references: Reference[] = [];
  const tables = lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line): TableFacts => {
      const [name, rest] = line.split(': ') as [string, string];
      const [schema, table] = name.split('.') as [string, string];
      const columns = rest.split(', ').map((text): ColumnFacts & { readonly to?: string } => {
        const [, column, type, to] = /^(\S+) (.+?)(?: > (\S+))?$/.exec(text)!;
        if (to !== undefined) references.push({ from: name, to, columns: [column!] });
        return { name: column!, type: type!, ...(to === undefined ? {} : { to }) };
      });
      const isLink = columns.slice(0, 2).every(({ to }) => to !== undefined);
      const key = columns.slice(0, isLink ? 2 : 1).map((column) => column.name);
      return { schema, table, name, columns: columns.map(({ name, type }) => ({ name, type })), key, rows: 100 };
    });
  return { tables, references };
}

/** The same as SQL: schemas, tables with keys, and then the foreign keys. */
export function ddlOf(lines: string): string {
  const { tables, references } = tablesOf(lines);
  const schemas = new Set(tables.map(({ schema }) => schema));
  return [
    ...[...schemas].map((schema) => `CREATE SCHEMA IF NOT EXISTS ${schema};`),
    ...tables.map(({ name, columns, key }) => {
      const defined = columns.map((column) => `${column.name} ${column.type}`);
      return `CREATE TABLE ${name} (${[...defined, `PRIMARY KEY (${key.join(', ')})`].join(', ')});`;
    }),
    ...references.map(
      ({ from, to, columns }) => `ALTER TABLE ${from} ADD FOREIGN KEY (${columns.join(', ')}) REFERENCES ${to};`,
    ),
  ].join('\n');
}
