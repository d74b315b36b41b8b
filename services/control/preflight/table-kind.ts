import { displayName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';
import type { CatalogTable } from './catalog.js';
import type { Obstacle } from './replica-key.js';

/** Why the WAL does not carry, or capture cannot read, the rows of such a table; undefined for an ordinary or a partitioned one. */
export function kindObstacle(table: CatalogTable): Obstacle | undefined {
  switch (table.kind) {
    case 'v':
      return { reason: 'a view: it has no rows of its own', remedy: 'Map the tables that it reads.' };
    case 'm':
      return { reason: 'a materialized view: the WAL does not carry its rows', remedy: 'Create it in the target.' };
    case 'f':
      return { reason: 'a foreign table: its rows are on another server', remedy: 'Move it from that server.' };
    case 'p':
      return undefined;
    case 'r':
      return ordinaryObstacle(table);
  }
}

function ordinaryObstacle(table: CatalogTable): Obstacle | undefined {
  if (table.persistence === 'u') {
    return {
      reason: 'unlogged: the WAL does not carry its rows',
      remedy: `ALTER TABLE ${quoteName(table)} SET LOGGED`,
    };
  }
  if (table.persistence === 't') {
    return { reason: 'temporary: it ends with its session', remedy: 'Leave it out of the mapping.' };
  }
  return undefined;
}

/** Why a partition keeps its partitioned table from being moved through the root. */
export function partitionObstacle(leaf: CatalogTable): Obstacle | undefined {
  const obstacle = leaf.kind === 'p' ? undefined : kindObstacle(leaf);
  return (
    obstacle && { ...obstacle, reason: `not moved whole: its partition ${displayName(leaf)} is ${obstacle.reason}` }
  );
}
