import { longText, oddText } from '../random.js';
import type { Kind } from './known-rows.js';

/** Usage, which the old project counts in two tables of two schemas. */
export const track: Kind = async ({ random, known, side, changeOne }) => {
  const schema = random.pick(['public', 'maas']);
  const table = side === 'source' ? `${schema}.usage_tracking` : 'analytics.usage_tracking';
  await changeOne(`INSERT INTO ${table} (user_id, metric, quantity) VALUES ($1, $2, $3)`, [
    random.pick(known.users),
    oddText(random),
    random.below(100),
  ]);
  return () => {};
};

/** A conversation that begins, a question, an answer that is written on, a title at last. */
export const chat: Kind = async ({ random, known, side, changeOne }) => {
  const [conversations, messages] =
    side === 'source'
      ? ['public.ai_conversations', 'public.ai_messages']
      : ['ai_chat.conversations', 'ai_chat.messages'];
  const { id } = await changeOne<{ id: string }>(
    `INSERT INTO ${conversations} (user_id, model) VALUES ($1, 'small') RETURNING id`,
    [random.pick(known.users)],
  );
  const say = (role: string, content: string) =>
    changeOne<{ id: string }>(
      `INSERT INTO ${messages} (conversation_id, role, content) VALUES ($1, $2, $3) RETURNING id`,
      [id, role, content],
    );
  await say('user', oddText(random));
  const answer = await say('assistant', longText(random));
  await changeOne(`UPDATE ${messages} SET tokens = $2 WHERE id = $1`, [answer.id, random.below(1_000)]);
  await changeOne(`UPDATE ${conversations} SET title = $2 WHERE id = $1`, [id, oddText(random)]);
  return () => {};
};
