import { createHash } from 'node:crypto';

/** Which project: the old one or the new one. */
export type Side = 'source' | 'target';

/** What the environment says over the flag. */
export interface Overrides {
  /** Set by FERRY_SERVING, or by SUPABASE_ENV: everything goes there, whatever the flag says. */
  readonly serving: Side | undefined;
  /** V2_ROLLOUT_PERCENTAGE, 0 to 100: the share of users that `route` sends to the target ahead of the flag. */
  readonly rolloutPercentage: number;
}

const SERVING = { source: 'source', target: 'target' } as const;
const SUPABASE_ENV = { production: 'source', v2: 'target' } as const;

/**
 * Reads `FERRY_SERVING=source|target`, `SUPABASE_ENV=production|v2` (the first wins) and `V2_ROLLOUT_PERCENTAGE`.
 * Unset and empty mean the same.
 * @throws Error naming the variable when its value is none of these: a typing error must not route anything.
 */
export function readOverrides(env: Readonly<Record<string, string | undefined>>): Overrides {
  const percentage = env.V2_ROLLOUT_PERCENTAGE || '0';
  if (!/^\d{1,3}$/.test(percentage) || Number(percentage) > 100) {
    throw new Error(`V2_ROLLOUT_PERCENTAGE must be a whole number from 0 to 100, not ${JSON.stringify(percentage)}`);
  }
  return {
    serving: oneOf('FERRY_SERVING', env, SERVING) ?? oneOf('SUPABASE_ENV', env, SUPABASE_ENV),
    rolloutPercentage: Number(percentage),
  };
}

/** The user's place among 100, always the same: the first 32 bits of the id's md5, modulo 100. */
export function percentileOf(userId: string): number {
  const hash = createHash('md5').update(userId).digest('hex');
  return Number.parseInt(hash.slice(0, 8), 16) % 100;
}

/** Ahead of the flag: true when the rollout's share includes the user. Without a user it is drawn by lot. */
export function isRolledOut(percentage: number, userId?: string): boolean {
  return (userId === undefined ? Math.random() * 100 : percentileOf(userId)) < percentage;
}

function oneOf(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  values: Readonly<Record<string, Side>>,
): Side | undefined {
  const value = env[name];
  if (!value) return undefined;
  if (!Object.hasOwn(values, value)) {
    throw new Error(`${name} must be ${Object.keys(values).join(' or ')}, not ${JSON.stringify(value)}`);
  }
  return values[value];
}
