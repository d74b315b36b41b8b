import { formatPlace } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';
import { type Catalog, type CatalogTable, leafPartitions } from './catalog.js';
import { defineCheck, mappedSourceTables } from './context.js';
import { type Obstacle, replicaKey } from './replica-key.js';

export const sourceRowKey = defineCheck(
  { name: 'row-key', side: 'source', passed: 'every mapped table has a key that identifies its rows' },
  async (context, report) => {
    const catalog = await context.sourceCatalog();
    return (await mappedSourceTables(context))
      .filter(({ table }) => table.kind === 'r' || table.kind === 'p')
      .flatMap(({ mapping, name, table }) => {
        const obstacle = keyObstacle(catalog, table);
        if (!obstacle) return [];
        const { reason, remedy } = obstacle;
        return [report.error(`${formatPlace(mapping.place)}: ${name}: ${reason}`, { object: name, remedy })];
      });
  },
);

/** The WAL carries of a partition's old rows what the partition's own replica identity says, not the root's. */
function keyObstacle(catalog: Catalog, table: CatalogTable): Obstacle | undefined {
  const key = replicaKey(table);
  if ('obstacle' in key) return key.obstacle;
  if (table.kind === 'p' && key.columns.length === 0) {
    return {
      reason: 'a partitioned table without a primary key: its rows cannot be copied beside the stream',
      remedy: `ALTER TABLE ${quoteName(table)} ADD PRIMARY KEY (...), or map its partitions instead`,
    };
  }
  for (const leaf of table.kind === 'p' ? leafPartitions(catalog, table) : []) {
    const own = replicaKey(leaf);
    if ('obstacle' in own)
      return { ...own.obstacle, reason: `its partition ${displayName(leaf)}: ${own.obstacle.reason}` };
  }
  return undefined;
}
