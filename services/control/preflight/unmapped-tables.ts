import { displayName } from '../../../core/relation.js';
import { defineCheck } from './context.js';
import { counted, listed } from './finding.js';

/** Tables beside the mapped ones that nobody moves: perhaps on purpose, perhaps forgotten. */
export const unmappedTables = defineCheck(
  { name: 'unmapped-tables', side: 'source', passed: 'every table of the mapped schemas is mapped' },
  async (context, report) => {
    const mapped = new Set(context.pipeline.tables.map(({ source }) => displayName(source)));
    const schemas = new Set(context.pipeline.tables.map(({ source }) => source.schema));
    const catalog = await context.sourceCatalog();
    const left = [...catalog.tables.values()].filter(
      (table) =>
        schemas.has(table.schema) &&
        (table.kind === 'r' || table.kind === 'p') &&
        table.extension === null &&
        table.partitionOf === null &&
        !mapped.has(displayName(table)),
    );
    if (left.length === 0) return [];
    return [
      report.warn(`${counted(left.length, 'table')} not mapped, and so not moved: ${listed(left.map(displayName))}`, {
        remedy: 'Map what should move in mapping/*.yaml.',
      }),
    ];
  },
);
