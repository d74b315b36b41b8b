import { application, type MixEntry, TRANSFER } from '../application.js';
import { transferBy } from '../transfer.js';
import { comment } from './comments.js';
import { addEntity, addUser, removeEntity, retag, rewriteArtifact, touchArtifact } from './entities.js';
import { runJob } from './jobs.js';
import { forgetOwnRows, type KnownRows, readKnownRows } from './known-rows.js';
import { regenerateSite, removeSite, renameSite } from './sites.js';

const TRANSFER_SQL =
  'UPDATE credit_accounts SET balance = balance + $2::numeric / 10000, transfers = transfers + 1 WHERE id = $1';

/** Entities are made a little more often than deleted, so that there is something to delete and to change. */
const MIX: readonly MixEntry<KnownRows>[] = [
  { name: TRANSFER, run: transferBy(TRANSFER_SQL), share: 25 },
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

const LOG = 'INSERT INTO activity_log (request_id, actor_id, action, detail) VALUES ($1, $2, $3, $4)';

/** The application of config/growth-split. */
export const growthSplit = application<KnownRows>({
  searchPath: { source: 'public', target: 'growth,shared' },
  extensions: [],
  traces: {
    requests: { source: 'activity_log', target: 'activity_log' },
    credit: 'SELECT sum(balance)::text AS balance, sum(transfers)::text AS transfers FROM credit_accounts',
  },
  mix: MIX,
  readKnownRows,
  forgetOwnRows,
  leaveTrace: ({ query, random, known }, { id, kind, number }) =>
    query(LOG, [id, random.pick(known.users), kind, { n: number }]),
});
