import { partitionOfGroup, partitionOfKey } from '../../platform/partition-of-key.js';
import type { TablePlan } from './snapshot/chunk.js';

/**
 * The partition of a row.
 * @param key values of the plan's `partitionKey`.
 */
export function partitionOf({ group }: Pick<TablePlan, 'group'>, key: readonly string[], partitions: number): number {
  return group === undefined ? partitionOfKey(key, partitions) : partitionOfGroup(group, partitions);
}
