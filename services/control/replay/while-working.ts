/** Work that goes on beside another one, until the signal fires. */
export type Beside = (signal: AbortSignal) => Promise<void>;

/** Lets others work as long as the work takes; what ends one of them ends it, too. */
export async function whileWorking<T>(
  others: readonly Beside[],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (others.length === 0) return work(signal);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const working = others.map((other) => other(either).catch((error: unknown) => stop.abort(error)));
  try {
    return await work(either);
  } finally {
    stop.abort();
    await Promise.all(working);
  }
}
