import type { ApplicationSide } from '../adapters/application-pool.js';

/** What is called otherwise in the two projects. */
export const NAMES = {
  source: { comments: 'comments', jobSite: 'site_id' },
  target: { comments: 'artifact_comments', jobSite: 'microsite_slug' },
} as const satisfies Record<ApplicationSide, Readonly<Record<'comments' | 'jobSite', string>>>;
