/**
 * A signal that fires with another, or when its time is up.
 *
 * `AbortSignal.any([signal, AbortSignal.timeout(ms)])` is none: nothing keeps the timeout from being collected, and what
 * waits for it then waits for ever (nodejs/node#57736). Here the timer holds what it fires.
 */
export function limitedTo(ms: number, signal: AbortSignal): AbortSignal {
  const over = new AbortController();
  setTimeout(() => over.abort(), ms).unref();
  return AbortSignal.any([signal, over.signal]);
}
