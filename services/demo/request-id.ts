import { randomBytes } from 'node:crypto';

/** 20 hex digits that all request ids of one run of the application begin with. */
export function newRun(): string {
  return randomBytes(10).toString('hex');
}

/**
 * The id that a transaction leaves in activity_log: a uuid of the run and the transaction's number. The numbers of a
 * run go from 1 without a gap, so that what is missing can be told.
 */
export function requestId(run: string, number: number): string {
  const prefix = [run.slice(0, 8), run.slice(8, 12), run.slice(12, 16), run.slice(16, 20)];
  return [...prefix, number.toString(16).padStart(12, '0')].join('-');
}

export function numberOf(requestId: string): number {
  return Number.parseInt(requestId.slice(24), 16);
}
