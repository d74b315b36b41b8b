import { application, type MixEntry, TRANSFER } from '../application.js';
import { transferBy } from '../transfer.js';
import { addContact, embedContact, touchContact } from './contacts.js';
import { noteInsight } from './insights.js';
import { forgetOwnRows, type KnownRows, readKnownRows } from './known-rows.js';
import { forgetMeeting, meet } from './meetings.js';
import { receiveMessage } from './messages.js';
import { NAMES } from './names.js';
import { doTask, dropTask } from './tasks.js';

const TRANSFER_SQL = `UPDATE projects SET budget_minutes = budget_minutes + $2::numeric / 10000,
  reallocations = reallocations + 1 WHERE id = $1`;

const MIX: readonly MixEntry<KnownRows>[] = [
  { name: TRANSFER, run: transferBy(TRANSFER_SQL), share: 25 },
  { name: 'receive-message', run: receiveMessage, share: 20 },
  { name: 'touch-contact', run: touchContact, share: 15 },
  { name: 'do-task', run: doTask, share: 14 },
  { name: 'drop-task', run: dropTask, share: 6 },
  { name: 'meet', run: meet, share: 6 },
  { name: 'forget-meeting', run: forgetMeeting, share: 4 },
  { name: 'note-insight', run: noteInsight, share: 5 },
  { name: 'embed-contact', run: embedContact, share: 3 },
  { name: 'add-contact', run: addContact, share: 2 },
];

/** The application of config/chief-of-staff. */
export const chiefOfStaff = application<KnownRows>({
  // Types of extensions stand in public.
  searchPath: { source: 'public', target: 'core,ops,comms,meetings,media,work,intel,public' },
  extensions: ['vector'],
  traces: {
    requests: { source: NAMES.source.events, target: NAMES.target.events },
    credit: 'SELECT sum(budget_minutes)::text AS balance, sum(reallocations)::text AS transfers FROM projects',
  },
  mix: MIX,
  readKnownRows,
  forgetOwnRows,
  leaveTrace: ({ side, query, random, known }, { id, kind, number }) =>
    query(
      `INSERT INTO ${NAMES[side].events} (workspace_id, request_id, stream, type, payload) VALUES ($1, $2, $3, $4, $5)`,
      [random.pick(known.workspaces), id, 'demo', kind, { n: number }],
    ),
});
