import { embedding, oddText } from '../random.js';
import type { Kind } from './known-rows.js';

/** A contact who knows one that is there already. */
export const addContact: Kind = async (transaction) => {
  const { random, known } = transaction;
  const other = random.pick(known.contacts);
  const { id } = await transaction.changeOne<{ id: string }>(
    `INSERT INTO contacts (workspace_id, full_name, tags, relationship, embedding)
     VALUES ($1, $2, $3, 'friend of the house', $4) RETURNING id`,
    [other.workspace, `${oddText(random)} ${random.below(1_000_000)}`, [oddText(random), null], embedding(random)],
  );
  await transaction.changeOne(
    'INSERT INTO contact_links (from_contact_id, to_contact_id, workspace_id, strength) VALUES ($1, $2, $3, $4)',
    [id, other.id, other.workspace, random.next()],
  );
  return () => {};
};

/** An update that leaves the embedding alone: the WAL does not carry it. */
export const touchContact: Kind = async (transaction) => {
  const { random, known } = transaction;
  await transaction.changeOne(
    'UPDATE contacts SET notes = $2, importance = $3, last_contacted_at = now() WHERE id = $1',
    [random.pick(known.contacts).id, oddText(random), random.below(101)],
  );
  return () => {};
};

export const embedContact: Kind = async (transaction) => {
  const { random, known } = transaction;
  const { id } = random.pick(known.contacts);
  await transaction.changeOne('UPDATE contacts SET embedding = $2 WHERE id = $1', [id, embedding(random)]);
  return () => {};
};
