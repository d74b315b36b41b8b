import { formatPlace } from '../../../core/mapping.js';
import { defineCheck, mappedSourceTables } from './context.js';
import { replicaKey } from './replica-key.js';

export const sourceRowKey = defineCheck(
  { name: 'row-key', side: 'source', passed: 'every mapped table has a key that identifies its rows' },
  async (context, report) =>
    (await mappedSourceTables(context))
      .filter(({ table }) => table.kind === 'r')
      .flatMap(({ mapping, name, table }) => {
        const key = replicaKey(table);
        if ('columns' in key) return [];
        const { reason, remedy } = key.obstacle;
        return [report.error(`${formatPlace(mapping.place)}: ${name}: ${reason}`, { object: name, remedy })];
      }),
);
