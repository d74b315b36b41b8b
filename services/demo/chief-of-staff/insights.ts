import { removeAt } from '../application.js';
import { embedding, oddText } from '../random.js';
import type { Kind } from './known-rows.js';

const KEPT = 10;

/** An insight about a contact; once there are enough, an own one is dismissed. */
export const noteInsight: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.insights.length > KEPT) {
    const index = random.below(known.insights.length);
    await transaction.changeOne('UPDATE insights SET is_dismissed = true WHERE id = $1', [known.insights[index]]);
    return () => removeAt(known.insights, index);
  }
  const contact = random.pick(known.contacts);
  const { id } = await transaction.changeOne<{ id: string }>(
    `INSERT INTO insights (workspace_id, contact_id, type, title, confidence, evidence, embedding)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
    [
      contact.workspace,
      contact.id,
      random.pick(['risk', 'opportunity', 'trend']),
      oddText(random),
      random.next(),
      { note: oddText(random) },
      embedding(random),
    ],
  );
  return () => void known.insights.push(id);
};
