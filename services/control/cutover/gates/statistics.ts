import { displayName } from '../../../../core/relation.js';
import { quoteName } from '../../../../platform/postgres.js';
import { isStale, readStatistics } from '../table-statistics.js';
import type { Gate } from './gate.js';

/** A project that begins to serve without statistics plans badly until autovacuum has come by. */
export const statisticsGate: Gate = {
  name: 'statistics',
  // Servers before PostgreSQL 15 tell an ANALYZE a moment later.
  mayPass: true,
  async look({ pipeline, target, ahead }) {
    const tables = await readStatistics(target, pipeline.tables);
    const stale = tables.filter(isStale);
    if (stale.length === 0) return { isOpen: true, figure: `fresh for ${tables.length} tables` };
    const names = stale.map(displayName).join(', ');
    if (ahead.has('statistics')) return { isOpen: true, figure: `stale for ${names}: to be analyzed by this cutover` };
    return {
      isOpen: false,
      figure: `the statistics of ${names} are stale`,
      remedy: `As the tables' owner: ${stale.map((table) => `ANALYZE ${quoteName(table)};`).join(' ')}`,
    };
  },
};
