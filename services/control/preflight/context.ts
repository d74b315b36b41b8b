import type { ClientBase } from 'pg';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { sourceObjectName } from '../../../core/topics.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { classify, type Side } from '../../../platform/postgres.js';
import { type PublishedTable, readPublishedTables } from '../../../platform/published-tables.js';
import type { Catalog, CatalogTable } from './catalog.js';
import { findTable } from './catalog.js';
import { type Finding, type Report, reportOf } from './finding.js';
import { readCatalog } from './read-catalog.js';
import type { TargetMigrations } from './target-migrations.js';

/** What every check gets: the pipeline, a session on each side, and both catalogs, read once. */
export interface PreflightContext {
  readonly pipeline: LoadedPipeline;
  readonly source: ClientBase;
  readonly target: ClientBase;
  sourceCatalog(): Promise<Catalog>;
  targetCatalog(): Promise<Catalog>;
  /** undefined where the pipeline has none. */
  targetMigrations(): Promise<TargetMigrations | undefined>;
  /** What the pipeline's publication publishes, by display name; empty where capture has yet to make it. */
  published(): Promise<ReadonlyMap<string, PublishedTable>>;
}

/** Where a preflight looks. */
export interface PreflightSides {
  readonly source: ClientBase;
  readonly target: ClientBase;
  readonly targetMigrations?: () => Promise<TargetMigrations | undefined>;
}

export function preflightContext(
  pipeline: LoadedPipeline,
  { source, target, targetMigrations = async () => undefined }: PreflightSides,
): PreflightContext {
  const once = <T>(read: () => Promise<T>) => {
    let known: Promise<T> | undefined;
    return () => {
      known ??= read();
      return known;
    };
  };
  return {
    pipeline,
    source,
    target,
    sourceCatalog: once(() => readCatalog(source)),
    targetCatalog: once(() => readCatalog(target)),
    targetMigrations: once(targetMigrations),
    published: once(() => readPublishedTables(source, sourceObjectName(pipeline.name))),
  };
}

export type Check = (context: PreflightContext) => Promise<Finding[]>;

/**
 * Makes a check that always says something: what `find` found, `passed` when that is nothing, or an error finding when
 * the check itself could not run.
 */
export function defineCheck(
  about: { readonly name: string; readonly side: Side; readonly passed: string },
  find: (context: PreflightContext, report: Report) => Promise<Finding[]>,
): Check {
  const report = reportOf(about.name, about.side);
  return async (context) => {
    try {
      const findings = await find(context, report);
      return findings.length > 0 ? findings : [report.ok(about.passed)];
    } catch (error) {
      const { message, remedy } = classify(about.side, error, 'this check could not run');
      return [report.error(message, { remedy })];
    }
  };
}

/** The name of the pipeline's slot and publication. */
export function objectName(context: PreflightContext): string {
  return sourceObjectName(context.pipeline.name);
}

export interface MappedTable {
  readonly mapping: TableMapping;
  readonly name: string;
  readonly table: CatalogTable;
}

/** The mapped tables that exist on the source; those that do not have a finding of their own. */
export async function mappedSourceTables(context: PreflightContext): Promise<MappedTable[]> {
  return existing(context, await context.sourceCatalog(), 'source');
}

/** The same, each table once, however many tables of the target its rows go to. */
export async function onceMappedTables(context: PreflightContext): Promise<MappedTable[]> {
  const tables = new Map((await mappedSourceTables(context)).map((table) => [table.name, table]));
  return [...tables.values()];
}

/** The mapped tables that exist in the target. */
export async function mappedTargetTables(context: PreflightContext): Promise<MappedTable[]> {
  return existing(context, await context.targetCatalog(), 'target');
}

function existing(context: PreflightContext, catalog: Catalog, side: Side): MappedTable[] {
  return context.pipeline.tables.flatMap((mapping) => {
    const table = findTable(catalog, mapping[side]);
    return table ? [{ mapping, name: displayName(mapping[side]), table }] : [];
  });
}

export interface MappedPair {
  readonly mapping: TableMapping;
  readonly source: CatalogTable;
  readonly target: CatalogTable;
}

/** The mapped tables that exist on both sides. */
export async function mappedPairs(context: PreflightContext): Promise<MappedPair[]> {
  const targets = await context.targetCatalog();
  return (await mappedSourceTables(context)).flatMap(({ mapping, table }) => {
    const target = findTable(targets, mapping.target);
    return target ? [{ mapping, source: table, target }] : [];
  });
}
