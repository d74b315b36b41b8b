import type { Random } from '../random.js';
import { comment } from './comments.js';
import { transfer } from './credit.js';
import { addEntity, addUser, removeEntity, retag, rewriteArtifact, touchArtifact } from './entities.js';
import { runJob } from './jobs.js';
import { regenerateSite, removeSite, renameSite } from './sites.js';
import type { TransactionKind } from './transaction.js';

export interface MixEntry {
  readonly name: string;
  readonly run: TransactionKind;
  /** Of 100 transactions. */
  readonly share: number;
}

/** Entities are made a little more often than deleted, so that there is something to delete and to change. */
const MIX: readonly MixEntry[] = [
  { name: 'transfer', run: transfer, share: 25 },
  { name: 'add-entity', run: addEntity, share: 16 },
  { name: 'touch-artifact', run: touchArtifact, share: 16 },
  { name: 'run-job', run: runJob, share: 10 },
  { name: 'remove-entity', run: removeEntity, share: 10 },
  { name: 'comment', run: comment, share: 8 },
  { name: 'retag', run: retag, share: 5 },
  { name: 'regenerate-site', run: regenerateSite, share: 3 },
  { name: 'rename-site', run: renameSite, share: 2 },
  { name: 'remove-site', run: removeSite, share: 1 },
  { name: 'rewrite-artifact', run: rewriteArtifact, share: 2 },
  { name: 'add-user', run: addUser, share: 2 },
];

/** Draws the next transaction. */
export function nextKind(random: Random): MixEntry {
  let draw = random.below(100);
  return MIX.find(({ share }) => {
    draw -= share;
    return draw < 0;
  })!;
}
