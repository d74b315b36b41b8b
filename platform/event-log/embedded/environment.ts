import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import type { FerryError } from '../../../core/errors.js';
import { logUnusable } from './log-unusable.js';

/** Where a record stands. */
export type Key = [topic: string, partition: number, offset: number];

/** lmdb keeps one read snapshot within a turn of the event loop; what others have appended since must be seen. */
export function seeNewest(database: { resetReadTxn(): void }): void {
  database.resetReadTxn();
}

/** Where a commit fails, lmdb's error has the reason in a promise. */
export async function writeFailed(directory: string, cause: unknown): Promise<FerryError> {
  const { commitError } = cause as { commitError?: Promise<unknown> };
  const reason = await Promise.resolve(commitError).then(
    () => cause,
    (error: unknown) => error,
  );
  return logUnusable(directory, reason);
}

/**
 * A commit is synced before it is visible. lmdb's default syncs afterwards, and a process that opens the environment in
 * between takes the unsynced commit for the remains of a crash and takes it back: committed records vanish while their
 * writer lives (test/integration/event-log-embedded.test.ts, "opened and closed by others").
 */
const DURABLE = { overlappingSync: false } as const;

/**
 * What is written in one turn is still one transaction, but without lmdb's own batch around it: that has a promise that
 * nobody can reach, and a commit that fails for want of space would end the process as an unhandled rejection.
 */
const BATCHING = { eventTurnBatching: false, txnStartThreshold: Number.MAX_SAFE_INTEGER } as const;

export function openEnvironment<V, K extends string | Key>(
  directory: string,
  group: string,
  encoding: 'binary' | 'json',
): RootDatabase<V, K> {
  try {
    return open<V, K>({ path: join(directory, `${group}.lmdb`), encoding, ...DURABLE, ...BATCHING });
  } catch (cause) {
    throw logUnusable(directory, cause);
  }
}
