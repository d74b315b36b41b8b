import type { FerryError } from '../../core/errors.js';
import { formatPosition, type Position } from '../../core/position.js';

export const OTHERS_AGAIN_MS = 100;
/** What others make room for comes so soon where they are not behind; what has waited longer is worth a word. */
const OTHERS_WITHIN_MS = 60_000;

/**
 * With several partitions a row may come before the one in another partition that makes room for it: a unique value that
 * passes from row to row, a parent of a foreign key. Then the other one is waited for, as long as it is behind: a change
 * that is set aside sooner is passed by later ones, and no retry brings them in order again. The partition that is
 * furthest behind waits for none.
 */
export class WaitsForOthers {
  readonly #partitions: number;
  #stands: { readonly at: string; readonly since: number } | undefined;
  #areBehind = false;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  startsAt(position: Position): void {
    const at = formatPosition(position);
    if (this.#stands?.at === at) return;
    this.#stands = { at, since: performance.now() };
    this.#areBehind = false;
  }

  /** What was found last of the others: whether one has not come to where this one is refused. */
  foundBehind(areBehind: boolean): void {
    this.#areBehind = areBehind;
  }

  /** Whether a partition that is ahead may be why: none is behind. */
  get areAhead(): boolean {
    return !this.#areBehind;
  }

  /** False once nothing has moved for long and no other is behind: then it is what the error says. */
  mayPass(reason: Pick<FerryError, 'code' | 'details'>): boolean {
    return this.isOfOthers(reason) && (this.#areBehind || !this.isLong);
  }

  /** Whether rows of another partition may be why. */
  isOfOthers({ code, details }: Pick<FerryError, 'code' | 'details'>): boolean {
    return this.#partitions > 1 && (code === 'transient-sql' || OF_OTHER_ROWS.has(String(details.sqlstate)));
  }

  get isLong(): boolean {
    return performance.now() - this.#stands!.since >= OTHERS_WITHIN_MS;
  }
}

/** Unique, exclusion and foreign key violations: what other rows are the reason of. */
export const OF_OTHER_ROWS: ReadonlySet<string> = new Set(['23505', '23P01', '23503']);
