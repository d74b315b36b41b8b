import type { Column } from '../relation.js';

const BOOL = 16;
const NUMBERS = new Set([20, 21, 23, 26, 700, 701, 1700]);
const JSONS = new Set([114, 3802]);

/** Makes a member's value of a column's text: as JSON where it means the same there, otherwise a string. */
export function jsonMember({ type }: Pick<Column, 'type'>): (value: string | null) => string {
  if (type === BOOL) return (value) => (value === null ? 'null' : value === 't' ? 'true' : 'false');
  if (JSONS.has(type)) return (value) => value ?? 'null';
  if (NUMBERS.has(type))
    return (value) => (value === null ? 'null' : NUMBER.test(value) ? value : JSON.stringify(value));
  return (value) => (value === null ? 'null' : JSON.stringify(value));
}

/** NaN and Infinity are none. */
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;
