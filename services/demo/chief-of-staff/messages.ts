import { embedding, longText, oddText } from '../random.js';
import type { Kind } from './known-rows.js';

const INSERT = `INSERT INTO communications (workspace_id, thread_id, direction, sender, recipients, subject, body, embedding)
  VALUES ($1, $2, $3, 'sender@example.net', $4, $5, $6, $7)`;

/** A message in a thread, which counts it. One in four has an embedding, one in ten is long. */
export const receiveMessage: Kind = async (transaction) => {
  const { random, known } = transaction;
  const thread = random.pick(known.threads);
  await transaction.changeOne(INSERT, [
    thread.workspace,
    thread.id,
    random.pick(['inbound', 'outbound', 'internal']),
    [oddText(random), null],
    oddText(random),
    random.below(10) === 0 ? longText(random) : oddText(random),
    random.below(4) === 0 ? embedding(random) : null,
  ]);
  await transaction.changeOne(
    'UPDATE threads SET message_count = message_count + 1, last_message_at = now() WHERE id = $1',
    [thread.id],
  );
  return () => {};
};
