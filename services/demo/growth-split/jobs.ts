import { oddText } from '../random.js';
import type { Kind } from './known-rows.js';

/** A job that is queued, taken and done in one transaction: three changes of one row. */
export const runJob: Kind = async (transaction) => {
  const { random, known } = transaction;
  const { id } = await transaction.changeOne<{ id: string }>(
    'INSERT INTO jobs (kind, priority, payload) VALUES ($1, $2, $3) RETURNING id',
    ['enrich', random.below(100) - 50, { text: oddText(random) }],
  );
  await transaction.changeOne(
    "UPDATE jobs SET status = 'running', attempts = attempts + 1, locked_by = $2 WHERE id = $1",
    [id, random.pick(known.users)],
  );
  await transaction.changeOne("UPDATE jobs SET status = 'done', locked_by = NULL WHERE id = $1", [id]);
  return () => {};
};
