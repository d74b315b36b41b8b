import { removeAt } from '../application.js';
import { oddText } from '../random.js';
import type { Kind } from './known-rows.js';
import { NAMES } from './names.js';

const KEPT = 50;

/** A comment and its answer; once there are enough, an own one is deleted, and its answer with it. */
export const comment: Kind = async (transaction) => {
  const { random, known } = transaction;
  const names = NAMES[transaction.side];
  if (known.comments.length > KEPT) {
    const index = random.below(known.comments.length);
    await transaction.changeOne(`DELETE FROM ${names.comments} WHERE id = $1`, [known.comments[index]]);
    return () => removeAt(known.comments, index);
  }
  const artifact = random.pick(known.artifacts);
  const insert = `INSERT INTO ${names.comments} (artifact_id, author_id, parent_id, body) VALUES ($1, $2, $3, $4) RETURNING id`;
  const write = (parent: string | null) =>
    transaction.changeOne<{ id: string }>(insert, [artifact, random.pick(known.users), parent, oddText(random)]);
  const { id } = await write(null);
  await write(id);
  return () => void known.comments.push(id);
};
