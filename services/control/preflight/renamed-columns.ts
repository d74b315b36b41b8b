import { namedColumns } from '../../../core/mapping/table-rules.js';
import { formatPlace } from '../../../core/mapping.js';
import { didYouMean } from '../../../core/suggest.js';
import { findColumn } from './catalog.js';
import { defineCheck, mappedSourceTables } from './context.js';

export const renamedColumns = defineCheck(
  { name: 'renamed-columns', side: 'source', passed: 'every column that the mapping names exists' },
  async (context, report) =>
    (await mappedSourceTables(context)).flatMap(({ mapping, name, table }) =>
      namedColumns(mapping)
        .filter(({ column }) => !findColumn(table, column))
        .map(({ column, place }) => {
          const hint = didYouMean(
            column,
            table.columns.map((candidate) => candidate.name),
          );
          return report.error(`${formatPlace(place)}: ${name} has no column ${column}${hint}`, {
            object: name,
            remedy: 'Correct the mapping at the place named.',
          });
        }),
    ),
);
