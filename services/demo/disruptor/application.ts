import { application, type MixEntry, TRANSFER } from '../application.js';
import { transferBy } from '../transfer.js';
import { dropKey, dropLoser, dropWinner, issueKey, storeKeyAgain } from './keys.js';
import { forgetOwnRows, type KnownRows, readKnownRows } from './known-rows.js';
import { forget, remember, touchMemory } from './memories.js';
import { chat, track } from './usage.js';
import { addUser, renameUser } from './users.js';
import { addVendor, renameVendor } from './vendors.js';

const TRANSFER_SQL =
  'UPDATE api_key_projects SET budget = budget + $2::numeric / 10000, budget_moves = budget_moves + 1 WHERE id = $1';

/** Most of it goes to what the mapping merges and splits. */
const MIX: readonly MixEntry<KnownRows>[] = [
  { name: TRANSFER, run: transferBy(TRANSFER_SQL), share: 18 },
  { name: 'issue-key', run: issueKey, share: 10 },
  { name: 'store-key-again', run: storeKeyAgain, share: 16 },
  { name: 'drop-winner', run: dropWinner, share: 8 },
  { name: 'drop-loser', run: dropLoser, share: 6 },
  { name: 'drop-key', run: dropKey, share: 4 },
  { name: 'rename-user', run: renameUser, share: 8 },
  { name: 'touch-memory', run: touchMemory, share: 8 },
  { name: 'track', run: track, share: 6 },
  { name: 'chat', run: chat, share: 4 },
  { name: 'remember', run: remember, share: 4 },
  { name: 'forget', run: forget, share: 2 },
  { name: 'add-user', run: addUser, share: 2 },
  { name: 'add-vendor', run: addVendor, share: 2 },
  { name: 'rename-vendor', run: renameVendor, share: 2 },
];

const AUDIT = { source: 'core.audit_log', target: 'auth_gateway.audit_log' } as const;

/** The application of config/disruptor. */
export const disruptor = application<KnownRows>({
  searchPath: { source: 'public', target: 'shared_services,security_service,public' },
  extensions: ['vector'],
  traces: {
    requests: AUDIT,
    credit: 'SELECT sum(budget)::text AS balance, sum(budget_moves)::text AS transfers FROM api_key_projects',
  },
  mix: MIX,
  readKnownRows,
  forgetOwnRows,
  leaveTrace: ({ query, random, known, side }, { id, kind, number }) =>
    query(`INSERT INTO ${AUDIT[side]} (request_id, actor_id, action, changes) VALUES ($1, $2, $3, $4)`, [
      id,
      random.pick(known.users),
      kind,
      { n: number },
    ]),
});
