import { InvalidArgumentError } from 'commander';

/** Reads a number of things: a whole one, above zero. */
export function parseWholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('Write a whole number above 0.');
  return Number(text);
}
