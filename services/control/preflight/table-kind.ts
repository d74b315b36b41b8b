import { quoteName } from '../../../platform/postgres.js';
import type { CatalogTable } from './catalog.js';
import type { Obstacle } from './replica-key.js';

/** Why the WAL does not carry, or capture cannot read, the rows of such a table; undefined for an ordinary one. */
export function kindObstacle(table: CatalogTable): Obstacle | undefined {
  switch (table.kind) {
    case 'v':
      return { reason: 'a view: it has no rows of its own', remedy: 'Map the tables that it reads.' };
    case 'm':
      return { reason: 'a materialized view: the WAL does not carry its rows', remedy: 'Create it in the target.' };
    case 'f':
      return { reason: 'a foreign table: its rows are on another server', remedy: 'Move it from that server.' };
    case 'p':
      return {
        reason: 'a partitioned table, which is not supported yet',
        remedy: 'Map its partitions, each to a table of its own, or leave it out of the mapping.',
      };
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
  if (table.hasInheritingTables) {
    return {
      reason: 'other tables inherit from it, and reading it gives their rows too',
      remedy: 'Leave it out of the mapping; inheritance is not supported.',
    };
  }
  return undefined;
}
