/**
 * Something that a single test needs. Where it cannot be had the test is skipped, and the reporter says why; with
 * CI=true it fails: there, a test that did not run is a failure, but for what TEST_WITHOUT names.
 * @param skip of the test's context.
 * @param what for people: `three Kafka brokers`.
 */
export async function orSkip<T>(skip: (note: string) => never, what: string, get: () => Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (error) {
    const note = `no ${what}: ${(error as Error).message}`;
    const without = process.env.TEST_WITHOUT;
    if (process.env.CI === 'true' && !(without && what.includes(without))) throw new Error(note, { cause: error });
    return skip(note);
  }
}
