import { formatPlace } from '../../../core/mapping.js';
import { findColumn } from './catalog.js';
import { defineCheck, mappedSourceTables } from './context.js';
import { didYouMean } from './suggest.js';

export const renamedColumns = defineCheck(
  { name: 'renamed-columns', side: 'source', passed: 'every column that the mapping names exists' },
  async (context, report) =>
    (await mappedSourceTables(context)).flatMap(({ mapping, name, table }) =>
      [...mapping.rename.keys()]
        .filter((column) => !findColumn(table, column))
        .map((column) => {
          const place = formatPlace(mapping.columnPlaces.get(column) ?? mapping.place);
          const hint = didYouMean(
            column,
            table.columns.map((candidate) => candidate.name),
          );
          return report.error(`${place}: ${name} has no column ${column}${hint}`, {
            object: name,
            remedy: 'Correct the mapping at the place named.',
          });
        }),
    ),
);
