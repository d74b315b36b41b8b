import type { ClientBase } from 'pg';
import { movedName } from '../../../core/mapping/table-rules.js';
import { displayName } from '../../../core/relation.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import type { Catalog, CatalogType } from './catalog.js';
import { defineCheck, mappedSourceTables } from './context.js';
import { type Finding, listed, type Report } from './finding.js';
import { jsonRows } from './json-rows.js';
import { MIGRATIONS_WAIT, RUN_BY_UP } from './target-migrations.js';

/** A type of an extension, such as vector, must exist in the target by its name. */
export const extensionTypes = defineCheck(
  { name: 'extension-types', side: 'target', passed: 'the target knows every extension type that the source uses' },
  async (context, report) => {
    const source = await context.sourceCatalog();
    // Once, however many tables of the target its rows go to.
    const moved = new Map(
      (await mappedSourceTables(context)).flatMap(({ mapping, table }) =>
        table.columns
          .filter(({ name }) => movedName(mapping, name) !== undefined)
          .map(({ name, type }) => [`${displayName(table)}.${name}`, type] as const),
      ),
    );
    const missing = missingExtensions(moved, source.types, (await context.targetCatalog()).types);
    if (missing.size === 0) return [];
    const available = await readAvailable(context.target, [...missing.keys()]);
    const migrations = await context.targetMigrations();
    return [...missing].map(([extension, columns]) =>
      findingOf(
        { extension, columns, isAvailable: available.has(extension), mayCome: (migrations?.before ?? 0) > 0 },
        report,
      ),
    );
  },
);

interface MissingExtension {
  readonly extension: string;
  readonly columns: readonly string[];
  /** The server has its files: CREATE EXTENSION is all that it takes. */
  readonly isAvailable: boolean;
  /** There are migrations to be run before the copy. */
  readonly mayCome: boolean;
}

/** Pure. @param columns their types. @returns those that need it, by extension. */
export function missingExtensions(
  columns: ReadonlyMap<string, number>,
  source: Catalog['types'],
  target: Catalog['types'],
): Map<string, string[]> {
  const known = new Set([...target.values()].map((type) => type.name));
  const missing = new Map<string, string[]>();
  for (const [name, type] of columns) {
    const lacking = extensionTypesOf(source, type).filter((one) => !known.has(one.name));
    for (const extension of new Set(lacking.map((one) => one.extension!))) {
      missing.set(extension, [...(missing.get(extension) ?? []), name]);
    }
  }
  return missing;
}

/** Pure. */
export function findingOf({ extension, columns, isAvailable, mayCome }: MissingExtension, report: Report): Finding {
  const needing = `which ${listed(columns)} ${columns.length === 1 ? 'needs' : 'need'}`;
  const create = `CREATE EXTENSION ${quoteIdentifier(extension)}`;
  if (!isAvailable) {
    return report.error(`the target's server does not have the extension ${extension}, ${needing}`, {
      object: extension,
      remedy: `Install it on that server${packageHint(extension)}, or move to one that has it; then ${create}`,
    });
  }
  if (mayCome) {
    const message = `the target lacks the extension ${extension}, ${needing}, so far: ${MIGRATIONS_WAIT}`;
    return report.warn(message, { object: extension, remedy: RUN_BY_UP });
  }
  return report.error(`the target lacks the extension ${extension}, ${needing}`, { object: extension, remedy: create });
}

/** Where nobody would look for it under its own name. */
function packageHint(extension: string): string {
  return extension === 'vector' ? ' (pgvector; Debian: postgresql-<version>-pgvector)' : '';
}

/** The extension types that a type is, is an array of, or is a domain over. */
function extensionTypesOf(types: Catalog['types'], oid: number): CatalogType[] {
  const type = types.get(oid);
  if (!type) return [];
  if (type.extension !== null && type.element === 0) return [type];
  return [type.element, type.base].filter((inner) => inner !== 0).flatMap((inner) => extensionTypesOf(types, inner));
}

async function readAvailable(target: ClientBase, extensions: readonly string[]): Promise<Set<string>> {
  const sql = 'SELECT name FROM pg_catalog.pg_available_extensions WHERE name = ANY ($1)';
  return new Set((await jsonRows<{ name: string }>(target, sql, [extensions])).map(({ name }) => name));
}
