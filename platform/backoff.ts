/** Pauses between attempts, in ms: they grow, and chance keeps those who wait for one thing from coming all at once. */
export class Backoff {
  readonly #firstMs: number;
  readonly #lastMs: number;
  #attempts = 0;

  constructor({ firstMs, lastMs }: { readonly firstMs: number; readonly lastMs: number }) {
    this.#firstMs = firstMs;
    this.#lastMs = lastMs;
  }

  /** @returns how long to wait before the next attempt. */
  next(): number {
    const grown = this.#firstMs * 2 ** Math.min(this.#attempts++, 30);
    return Math.round(Math.min(this.#lastMs, grown * (1 + Math.random())));
  }

  /** An attempt worked. */
  reset(): void {
    this.#attempts = 0;
  }
}

/**
 * Of what is tried again for ever. The longest pause is below what makes a report stale: status must not take a service
 * that waits for one that is gone.
 */
export const RETRY = { firstMs: 250, lastMs: 4_000 } as const;
