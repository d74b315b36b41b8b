import { failpoint } from '../../../platform/failpoint.js';
import type { Journal } from './journal.js';
import { entriesToUndo, type Undo } from './step.js';

/**
 * Takes back all that a run did, the fence last. Killed in between and called again it goes on.
 * @param undo takes back what one step did; taken back before, it stays so.
 */
export async function takeBack(journal: Journal, undo: (undo: Undo) => Promise<void>): Promise<void> {
  for (const entry of entriesToUndo(await journal.entries())) {
    await failpoint('cutover.undo.begun');
    await undo(entry.undo);
    await failpoint('cutover.undo.acted');
    await journal.ended(entry.id, 'undone');
  }
}

/** The same, and the run has ended. */
export async function undoRun(journal: Journal, undo: (undo: Undo) => Promise<void>): Promise<void> {
  await takeBack(journal, undo);
  await journal.aborted();
}
