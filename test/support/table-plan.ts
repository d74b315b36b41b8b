import type { Relation } from '../../core/relation.js';
import type { TablePlan } from '../../services/capture/snapshot/chunk.js';

/** The plan of a table of text columns whose key is `id`. */
export function planOf(relation: Relation): TablePlan {
  return {
    relation,
    key: ['id'],
    partitionKey: ['id'],
    keyTypes: [{ sql: 'text', isDomain: false, equal: null, greater: null }],
    columns: relation.columns.map((column) => column.name),
  };
}
