import { singular } from './words.js';

/**
 * Words that tables of one concern have in their names, by the domain schema that people give to it. A word stands
 * once. Only what means one thing in most databases is here: `transaction` may be money or a log, so foreign keys
 * decide.
 */
const VOCABULARY: Readonly<Record<string, string>> = {
  shared:
    'user profile setting preference organization organisation tenant workspace team member membership account company person people locale currency country timezone config configuration',
  auth: 'auth oauth session login logout password otp mfa totp sso saml identity credential signup verification role permission grant acl admin',
  security: 'api key secret vault encryption rotation certificate',
  billing:
    'billing bill payment invoice subscription stripe paypal charge refund payout beneficiary credit tax coupon wallet plan pricing fee ledger balance',
  commerce:
    'marketplace product order cart basket catalog catalogue sku inventory stock shipping shipment warehouse merchant discount store',
  chat: 'chat conversation message thread inbox bot assistant prompt completion',
  comms: 'comm communication email mail sms notification newsletter campaign contact call mailbox',
  analytics:
    'analytics log usage metric event tracking activity statistic stat report telemetry audit error webhook visit pageview search history',
  knowledge: 'memory knowledge embedding chunk document vector note topic',
  media:
    'media photo image picture video audio track album artist genre playlist song file asset recording transcript upload',
  meetings: 'meeting calendar attendee agenda appointment booking',
  work: 'task project milestone ticket issue sprint board todo goal',
  content: 'post article page site microsite section template comment tag category blog cms',
  vendors: 'vendor supplier partner',
  customers: 'customer client lead deal crm opportunity',
  people: 'employee department salary payroll leave shift',
  operations: 'job queue cron worker schedule deployment health outbox feature flag app stage environment',
};

const CONCEPT_OF = new Map(
  Object.entries(VOCABULARY).flatMap(([concept, words]) => words.split(' ').map((word) => [singular(word), concept])),
);

/** Domain of what every other domain needs. */
export const SHARED = 'shared';

/** Concerns that every domain has some of: a lone table of them needs no schema of its own. */
export const CROSS_CUTTING: ReadonlySet<string> = new Set([SHARED, 'analytics', 'operations']);

/** @param word as {@link wordsOf} gives it. */
export function conceptOf(word: string): string | undefined {
  return CONCEPT_OF.get(word);
}

/** The concepts that a name speaks of, each once, in the order of its words. */
export function conceptsOf(words: readonly string[]): string[] {
  return [...new Set(words.flatMap((word) => conceptOf(word) ?? []))];
}

/** What a name is about: logs of vendors are the vendors' affair, and only other logs are about logs. */
export function concernsOf(words: readonly string[]): string[] {
  const all = conceptsOf(words);
  const own = all.filter((concept) => !CROSS_CUTTING.has(concept));
  return own.length > 0 ? own : all;
}

/** Whether a word names what every domain has some of. */
export function isCrossCutting(word: string): boolean {
  return CROSS_CUTTING.has(conceptOf(word) ?? '');
}

/** Whether a table is of those that everybody refers to: every word of its name says so. */
export function isShared(words: readonly string[]): boolean {
  return words.every((word) => conceptOf(word) === SHARED);
}
