import { readUnmappedTables } from '../status/unmapped-tables.js';
import { defineCheck } from './context.js';
import { counted, listed } from './finding.js';

export const unmappedTables = defineCheck(
  { name: 'unmapped-tables', side: 'source', passed: 'every table of the mapped schemas is mapped' },
  async ({ pipeline, source }, report) => {
    const left = await readUnmappedTables(source, pipeline.tables);
    if (left.length === 0) return [];
    if (pipeline.wayBackOf)
      return [report.ok(`nothing comes back of ${counted(left.length, 'table')}: ${listed(left)}`)];
    return [
      report.warn(`${counted(left.length, 'table')} not mapped, and so not moved: ${listed(left)}`, {
        remedy: 'Map what should move in mapping/*.yaml.',
      }),
    ];
  },
);
