import { FerryError } from '../../../core/errors.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { didYouMean } from '../../../core/suggest.js';
import type { CatalogTable } from '../preflight/catalog.js';
import { replicaKey } from '../preflight/replica-key.js';
import { kindObstacle } from '../preflight/table-kind.js';
import type { MapRule } from './parse-map.js';

/** A table that moves. */
export interface AssignedTable {
  readonly source: CatalogTable;
  readonly target: QualifiedName;
  /** What is done with its rows; undefined where they move as they are. Tables of one target are merged, in their order. */
  readonly mapping?: Pick<TableMapping, 'rename' | 'rules' | 'lineage'>;
}

/** A table, or a part of one, that does not move. */
export interface LeftTable {
  /** `schema.table` of the source. */
  readonly table: string;
  readonly reason: string;
  /** The domain schema that a --map meant it for. */
  readonly schema?: string;
}

export interface Assignment {
  readonly tables: readonly AssignedTable[];
  readonly left: readonly LeftTable[];
}

/**
 * Gives every table of the source its target, or the reason why it has none. The rule of a table wins over that of its
 * schema.
 * @throws FerryError `usage` when a rule names what the source does not have, or two tables would become one.
 */
export function assignTables(rules: readonly MapRule[], sourceTables: readonly CatalogTable[]): Assignment {
  refuseUnknown(rules, sourceTables);
  refuseTwice(rules);
  const tables: AssignedTable[] = [];
  const left: LeftTable[] = [];
  for (const source of sourceTables) {
    const rule = ruleFor(rules, source);
    const reason = rule ? obstacleTo(source, rule) : 'not mapped by any --map';
    if (!rule || reason) left.push({ table: displayName(source), reason: reason!, schema: rule?.target.schema });
    else tables.push({ source, target: { schema: rule.target.schema, table: rule.target.table ?? source.table } });
  }
  refuseMerged(tables);
  return { tables, left };
}

function ruleFor(rules: readonly MapRule[], name: QualifiedName): MapRule | undefined {
  const ofSchema = rules.filter((rule) => rule.source.schema === name.schema);
  return ofSchema.find((rule) => rule.source.table === name.table) ?? ofSchema.find((rule) => !rule.source.table);
}

function obstacleTo(table: CatalogTable, rule: MapRule): string | undefined {
  if (table.extension !== null) return `belongs to the extension ${table.extension}`;
  if (table.partitionOf !== null && rule.source.table === undefined) {
    return `a partition of ${table.partitionOf}; a --map of its own moves it as a table`;
  }
  // Whether the target shall be partitioned too, and how, is for a person to say.
  if (table.kind === 'p') return 'a partitioned table: create it in the target, partitioned or not, and map it by hand';
  const kind = kindObstacle(table);
  if (kind) return kind.reason;
  const key = replicaKey(table);
  return 'columns' in key ? undefined : `${key.obstacle.reason} (${key.obstacle.remedy})`;
}

function refuseUnknown(rules: readonly MapRule[], tables: readonly CatalogTable[]): void {
  const schemas = new Set(tables.map((table) => table.schema));
  const names = new Set(tables.map(displayName));
  for (const { text, source } of rules) {
    const remedy = 'Correct the --map; names are written as the catalog holds them.';
    if (source.table === undefined && !schemas.has(source.schema)) {
      const hint = didYouMean(source.schema, schemas);
      throw new FerryError('usage', `--map ${text}: the source has no table in a schema ${source.schema}${hint}`, {
        remedy,
      });
    }
    const name = source.table === undefined ? undefined : displayName({ schema: source.schema, table: source.table });
    if (name !== undefined && !names.has(name)) {
      const hint = didYouMean(name, names);
      throw new FerryError('usage', `--map ${text}: the source has no table ${name}${hint}`, { remedy });
    }
  }
}

function refuseTwice(rules: readonly MapRule[]): void {
  const seen = new Map<string, MapRule>();
  for (const rule of rules) {
    const what = JSON.stringify([rule.source.schema, rule.source.table]);
    const before = seen.get(what);
    if (before) throw new FerryError('usage', `--map ${before.text} and --map ${rule.text} name the same source`);
    seen.set(what, rule);
  }
}

function refuseMerged(tables: readonly AssignedTable[]): void {
  const seen = new Map<string, CatalogTable>();
  for (const { source, target } of tables) {
    const name = displayName(target);
    const before = seen.get(name);
    if (before) {
      throw new FerryError('usage', `${displayName(before)} and ${displayName(source)} would both become ${name}`, {
        remedy: `Give one of them another name: --map ${displayName(source)}=${target.schema}.OTHER`,
      });
    }
    seen.set(name, source);
  }
}
