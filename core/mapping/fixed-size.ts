import type { Column } from '../relation.js';

/** OIDs of PostgreSQL's own types whose values all have one size: they are never stored out of line. */
const FIXED_SIZE = new Set([
  16, 18, 19, 20, 21, 23, 26, 27, 28, 29, 600, 601, 603, 628, 700, 701, 718, 774, 790, 829, 1082, 1083, 1114, 1184,
  1186, 1266, 2950, 3220, 5069,
]);

/** OIDs from here on are of types that a database has made: enums are of one size, others are not. */
export const FIRST_OF_A_USER = 16_384;

/**
 * Whether every change carries the column's value, as far as the type's OID tells; of a type of the database's own it is
 * taken to.
 */
export function isFixedSize({ type }: Pick<Column, 'type'>): boolean {
  return FIXED_SIZE.has(type) || type >= FIRST_OF_A_USER;
}
