import { formatPlace } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { didYouMean } from '../../../core/suggest.js';
import type { Side } from '../../../platform/postgres.js';
import { findTable, leafPartitions } from './catalog.js';
import { type Check, defineCheck, mappedSourceTables, mappedTargetTables } from './context.js';
import type { Obstacle } from './replica-key.js';
import { kindObstacle, partitionObstacle } from './table-kind.js';
import { MIGRATIONS_WAIT, RUN_BY_UP } from './target-migrations.js';

function tablesExist(side: Side, remedy: string): Check {
  return defineCheck({ name: 'tables-exist', side, passed: 'every mapped table exists' }, async (context, report) => {
    const catalog = side === 'source' ? await context.sourceCatalog() : await context.targetCatalog();
    const missing = context.pipeline.tables.filter((mapping) => !findTable(catalog, mapping[side]));
    const pending = side === 'target' && missing.length > 0 ? await context.targetMigrations() : undefined;
    if (pending && pending.before > 0) {
      return [
        report.warn(`${missing.length} mapped tables do not exist yet: ${MIGRATIONS_WAIT}`, { remedy: RUN_BY_UP }),
      ];
    }
    return missing.map((mapping) => {
      const name = displayName(mapping[side]);
      const hint = didYouMean(name, catalog.tables.keys());
      return report.error(`${formatPlace(mapping.place)}: the ${side} table ${name} does not exist${hint}`, {
        object: name,
        remedy,
      });
    });
  });
}

export const sourceTablesExist = tablesExist('source', 'Correct the mapping at the place named.');
export const targetTablesExist = tablesExist(
  'target',
  'Create it in the target (`ferry init --create-target` writes the DDL), or correct the mapping at the place named.',
);

export const sourceTableKind = defineCheck(
  { name: 'table-kind', side: 'source', passed: 'every mapped table is a logged table, ordinary or partitioned' },
  async (context, report) => {
    const catalog = await context.sourceCatalog();
    const tables = await mappedSourceTables(context);
    const mapped = new Set(tables.map(({ name }) => name));
    return tables.flatMap(({ mapping, name, table }) => {
      const leaves = table.kind === 'p' ? leafPartitions(catalog, table) : [];
      const twice = leaves.map(displayName).find((leaf) => mapped.has(leaf));
      const obstacle =
        kindObstacle(table) ?? leaves.map(partitionObstacle).find(Boolean) ?? (twice && mappedTwice(twice));
      if (!obstacle) return [];
      return [
        report.error(`${formatPlace(mapping.place)}: ${name} is ${obstacle.reason}`, {
          object: name,
          remedy: obstacle.remedy,
        }),
      ];
    });
  },
);

function mappedTwice(leaf: string): Obstacle {
  return {
    reason: `partitioned, and its partition ${leaf} is mapped too`,
    remedy: 'Map either the partitioned table or its partitions.',
  };
}

export const targetTableKind = defineCheck(
  { name: 'table-kind', side: 'target', passed: 'every mapped target is a table' },
  async (context, report) =>
    (await mappedTargetTables(context))
      .filter(({ table }) => table.kind !== 'r' && table.kind !== 'p')
      .map(({ mapping, name }) =>
        report.error(`${formatPlace(mapping.place)}: ${name} is a view or a foreign table`, {
          object: name,
          remedy: 'Map to a table.',
        }),
      ),
);
