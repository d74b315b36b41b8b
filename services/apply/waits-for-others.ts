import type { FerryError } from '../../core/errors.js';
import { formatPosition, type Position } from '../../core/position.js';

export const OTHERS_AGAIN_MS = 100;
/** Another partition that is this far behind does not come any more. */
const OTHERS_WITHIN_MS = 60_000;

/**
 * With several partitions a row may come before the one in another partition that makes room for it: a unique value that
 * passes from row to row, a parent of a foreign key. Then the other one is waited for.
 */
export class WaitsForOthers {
  readonly #partitions: number;
  #stands: { readonly at: string; readonly since: number } | undefined;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  startsAt(position: Position): void {
    const at = formatPosition(position);
    if (this.#stands?.at !== at) this.#stands = { at, since: performance.now() };
  }

  /** False once nothing has moved for long: then it is what the error says. */
  mayPass({ code, details }: Pick<FerryError, 'code' | 'details'>): boolean {
    if (this.#partitions === 1) return false;
    if (code !== 'transient-sql' && !OTHERS_ROWS.has(String(details.sqlstate))) return false;
    return performance.now() - this.#stands!.since < OTHERS_WITHIN_MS;
  }
}

/** Unique and foreign key violations. */
const OTHERS_ROWS: ReadonlySet<string> = new Set(['23505', '23503']);
