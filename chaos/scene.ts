import { quoteIdentifier } from '../platform/postgres.js';
import { fromPublic, moveTablesSql, type Tables } from '../test/support/pipeline-files.js';
import { type DOMAINS, fillSpecialSql, journalOf, REFUSES_SQL, SPECIAL_SQL } from './special-tables.js';
import { type RandomTable, TYPES } from './tables.js';

/** The first table goes to a second one of its schema, too. */
const TWIN = 'twin';

/** Where all tables go. */
export function mappingOf(tables: readonly RandomTable[]): Tables {
  const moved = movedOf(tables);
  return { ...moved, growth: { ...moved.growth, [TWIN]: `public.${quoteIdentifier(tables[0]!.name)}` } };
}

function movedOf(tables: readonly RandomTable[]): Tables {
  const names = (rest: number) => tables.filter((_, i) => i % 2 === rest).map(({ name }) => name);
  const journal = (domain: (typeof DOMAINS)[number]) => ({ journal: `public.${journalOf(domain)}` });
  return {
    shared: { ...journal('shared'), ...fromPublic(...names(1), 'loose') },
    growth: { ...journal('growth'), ...fromPublic(...names(0), 'picky') },
    slow: {
      ...journal('slow'),
      grows: { from: 'public.grows', schemaChanges: 'propagate' },
      ...fromPublic('walked'),
    },
  };
}

/** The source's tables with their first rows. */
export function sourceSql(tables: readonly RandomTable[], seconds: number): string {
  return [schemaSql(tables), fillSpecialSql(seconds), ...tables.map(({ firstRows }) => firstRows)].join(';\n');
}

/**
 * The target's tables, empty.
 * @param options.refuses whether it refuses some rows.
 */
export function targetSql(tables: readonly RandomTable[], { refuses }: { refuses: boolean }): string {
  const [first] = tables;
  const twin = `CREATE TABLE growth.${TWIN} (LIKE growth.${quoteIdentifier(first!.name)} INCLUDING ALL)`;
  return [schemaSql(tables), moveTablesSql(movedOf(tables)), twin, ...(refuses ? [REFUSES_SQL] : [])].join(';\n');
}

function schemaSql(tables: readonly RandomTable[]): string {
  return [TYPES, ...tables.map(({ sql }) => sql), SPECIAL_SQL].join(';\n');
}
