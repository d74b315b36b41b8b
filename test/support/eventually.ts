import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Waits until the condition gives something, and gives that back. What it throws meanwhile counts as "not yet".
 * @param condition undefined, null and false mean "not yet".
 * @param options.what what is waited for, as the message of a failure continues "timed out waiting for ...".
 * @throws Error when the time is up, with the last value or error seen.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  options: { what: string; timeoutMs?: number },
): Promise<Exclude<T, undefined | null | false>> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const deadline = performance.now() + timeoutMs;
  let seen: { value: unknown } | { error: unknown };
  do {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false)
        return value as Exclude<T, undefined | null | false>;
      seen = { value };
    } catch (error) {
      seen = { error };
    }
    await sleep(POLL_MS);
  } while (performance.now() < deadline);
  const last = 'error' in seen ? `it threw: ${messageOf(seen.error)}` : `it was ${String(seen.value)}`;
  throw new Error(`timed out after ${timeoutMs / 1000} s waiting for ${options.what}; last, ${last}`, {
    cause: 'error' in seen ? seen.error : undefined,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
