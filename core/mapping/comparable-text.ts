import type { Column } from '../relation.js';
import { FIRST_OF_A_USER } from './fixed-size.js';

const INTEGER = /^(?:0|-?[1-9]\d*)$/;

/** By OID: how PostgreSQL writes a value of a type of which equal values have the same text. */
const TEXT_OF: ReadonlyMap<number, RegExp> = new Map([
  [16, /^[tf]$/],
  [18, /^.?$/su],
  [19, /^.*$/su],
  [20, INTEGER],
  [21, INTEGER],
  [23, INTEGER],
  [25, /^.*$/su],
  [26, /^(?:0|[1-9]\d*)$/],
  [1043, /^.*$/su],
  [1082, /^(?:\d{4,}-\d\d-\d\d(?: BC)?|-?infinity)$/],
  [2950, /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/],
]);

/** Whether values of the type are equal when, and only when, their texts are; of a database's own types it is taken to be so. */
export function isComparedAsText({ type }: Pick<Column, 'type'>): boolean {
  return TEXT_OF.has(type) || type >= FIRST_OF_A_USER;
}

/** Whether a value of the type can have the text. */
export function mayBeWritten(text: string, { type }: Pick<Column, 'type'>): boolean {
  return TEXT_OF.get(type)?.test(text) ?? true;
}
