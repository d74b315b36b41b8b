import pRetry from 'p-retry';
import type { ClientBase } from 'pg';

/** Work, at the target's lock queue, that apply may come across: by 40P01 a deadlock, by 55P03 a lock waited for too long. */
const MET_APPLY = new Set(['40P01', '55P03']);

/**
 * Runs work that changes what apply goes by, in one transaction; from its start where it meets apply's locks, a few
 * times. The commit waits for the disk.
 * @throws whatever the work throws, and the database's error of the last try.
 */
export async function inTransactionBesideApply<T>(target: ClientBase, work: () => Promise<T>): Promise<T> {
  const once = async () => {
    await target.query("BEGIN; SET LOCAL synchronous_commit = 'on'; SET LOCAL lock_timeout = '10s'");
    const result = await work();
    await target.query('COMMIT');
    return result;
  };
  return pRetry(once, {
    retries: 20,
    minTimeout: 50,
    maxTimeout: 1_000,
    onFailedAttempt: async () => void (await target.query('ROLLBACK').catch(() => {})),
    shouldRetry: ({ error }) => MET_APPLY.has((error as { code?: string }).code ?? ''),
  });
}

/**
 * Takes a topic's partitions from whoever applies them: what it has not committed is refused, and it begins again with
 * what stands then. Its next claim waits until this transaction ends.
 * @returns how many partitions have a checkpoint.
 */
export async function fenceApply(target: ClientBase, pipeline: string, topic: string): Promise<number> {
  const { rowCount } = await target.query(
    'UPDATE ferry.checkpoint SET epoch = epoch + 1, owner = NULL WHERE pipeline = $1 AND topic = $2',
    [pipeline, topic],
  );
  return rowCount!;
}
