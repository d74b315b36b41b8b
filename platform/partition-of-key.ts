import { crc32 } from 'node:zlib';

/**
 * The partition of a row: a hash of its source key, so that all changes of one key are in one partition and in order.
 * Equal in every version and process, or a restart would find a key's past elsewhere.
 * @param key values of the key columns as PostgreSQL's text, in the key's order.
 */
export function partitionOfKey(key: readonly string[], partitions: number): number {
  return crc32(key.join('\u0000')) % partitions;
}

/** The partition of all rows of a group of merged tables, from its name; likewise for ever. */
export function partitionOfGroup(group: string, partitions: number): number {
  return partitionOfKey([group], partitions);
}
