import { removeAt } from '../application.js';
import { embedding, longText, oddText } from '../random.js';
import type { Kind } from './known-rows.js';

const KEPT = 5;

/** A memory with its chunk and its first version; every other one is copied to the memory service of the old project. */
export const remember: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  const [user, title, content] = [random.pick(known.users), oddText(random), longText(random)];
  const { id } = await transaction.changeOne<{ id: string }>(
    "INSERT INTO memory_entries (user_id, title, content, embedding, tags) VALUES ($1, $2, $3, $4, '{own}') RETURNING id",
    [user, title, content, embedding(random)],
  );
  await transaction.changeOne(
    'INSERT INTO memory_chunks (memory_id, position, content, embedding) VALUES ($1, 0, $2, $3)',
    [id, title, embedding(random)],
  );
  await transaction.changeOne(
    'INSERT INTO memory_versions (memory_id, version, title, content) VALUES ($1, 1, $2, $3)',
    [id, title, content],
  );
  if (side === 'source' && random.below(2) === 0) {
    await transaction.changeOne(
      "INSERT INTO maas.memory_entries (id, user_id, title, body, kind) VALUES ($1, $2, $3, 'copied', 'fact')",
      [id, user, title],
    );
  }
  return () => void known.ownMemories.push(id);
};

/** Another title: the embedding stays as it was, and the WAL does not repeat it. */
export const touchMemory: Kind = async ({ random, known, changeOne }) => {
  await changeOne('UPDATE memory_entries SET title = $2, access_count = access_count + 1 WHERE id = $1', [
    random.pick(known.memories),
    oddText(random),
  ]);
  return () => {};
};

/** Deletes an own memory. A copy that the memory service has of it stands in the new project from then on. */
export const forget: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.ownMemories.length < KEPT) return remember(transaction);
  const index = random.below(known.ownMemories.length);
  await transaction.changeOne('DELETE FROM memory_entries WHERE id = $1', [known.ownMemories[index]]);
  return () => removeAt(known.ownMemories, index);
};
