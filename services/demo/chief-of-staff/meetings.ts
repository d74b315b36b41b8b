import { removeAt } from '../application.js';
import { embedding, oddText } from '../random.js';
import type { Kind } from './known-rows.js';
import { NAMES } from './names.js';

const CHUNKS = 2;

/** A meeting with a guest, a transcript in chunks, and what is to be done: six rows over two domain schemas. */
export const meet: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  const { id: guest, workspace } = random.pick(known.contacts);
  const { id } = await transaction.changeOne<{ id: string }>(
    `INSERT INTO meetings (workspace_id, title, held_during)
     VALUES ($1, $2, tstzrange(now(), now() + interval '1 hour')) RETURNING id`,
    [workspace, oddText(random)],
  );
  await transaction.changeOne(
    `INSERT INTO ${NAMES[side].participants} (meeting_id, contact_id, workspace_id, response) VALUES ($1, $2, $3, 'accepted')`,
    [id, guest, workspace],
  );
  const { id: transcript } = await transaction.changeOne<{ id: string }>(
    'INSERT INTO transcripts (workspace_id, meeting_id, confidence) VALUES ($1, $2, $3) RETURNING id',
    [workspace, id, random.below(10_000) / 10_000],
  );
  for (let position = 0; position < CHUNKS; position++) {
    await transaction.changeOne(
      'INSERT INTO transcript_chunks (workspace_id, transcript_id, position, content, embedding) VALUES ($1, $2, $3, $4, $5)',
      [workspace, transcript, position, oddText(random), embedding(random)],
    );
  }
  await transaction.changeOne('INSERT INTO action_items (workspace_id, meeting_id, description) VALUES ($1, $2, $3)', [
    workspace,
    id,
    oddText(random),
  ]);
  return () => void known.meetings.push(id);
};

/** Deletes a meeting, and by the foreign keys all that belongs to it. */
export const forgetMeeting: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.meetings.length === 0) return meet(transaction);
  const index = random.below(known.meetings.length);
  await transaction.changeOne('DELETE FROM meetings WHERE id = $1', [known.meetings[index]]);
  return () => removeAt(known.meetings, index);
};
