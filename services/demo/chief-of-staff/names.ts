import type { ApplicationSide } from '../adapters/application-pool.js';

/** What is called otherwise in the two projects. */
export const NAMES = {
  source: { events: 'event_log', participants: 'meeting_participants', taskDone: 'done_at' },
  target: { events: 'events', participants: 'participants', taskDone: 'completed_at' },
} as const satisfies Record<ApplicationSide, Readonly<Record<'events' | 'participants' | 'taskDone', string>>>;
