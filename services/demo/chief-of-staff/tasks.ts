import { removeAt } from '../application.js';
import { oddText } from '../random.js';
import type { Kind } from './known-rows.js';
import { NAMES } from './names.js';

/** A task that is opened, taken and done in one transaction: three changes of one row. */
export const doTask: Kind = async (transaction) => {
  const { random, known, side } = transaction;
  const { id } = await transaction.changeOne<{ id: string }>(
    'INSERT INTO tasks (workspace_id, title, priority, tags, estimate) VALUES ($1, $2, $3, $4, $5) RETURNING id',
    [
      random.pick(known.workspaces),
      `${oddText(random)} ${random.below(1_000_000)}`,
      random.pick(['low', 'high', 'urgent']),
      [oddText(random), null],
      `${random.below(600)} minutes`,
    ],
  );
  await transaction.changeOne("UPDATE tasks SET status = 'in_progress', due_at = now() WHERE id = $1", [id]);
  await transaction.changeOne(`UPDATE tasks SET status = 'done', ${NAMES[side].taskDone} = now() WHERE id = $1`, [id]);
  return () => void known.tasks.push(id);
};

export const dropTask: Kind = async (transaction) => {
  const { random, known } = transaction;
  if (known.tasks.length === 0) return doTask(transaction);
  const index = random.below(known.tasks.length);
  await transaction.changeOne('DELETE FROM tasks WHERE id = $1', [known.tasks[index]]);
  return () => removeAt(known.tasks, index);
};
