import { createHash } from 'node:crypto';

/** Which project: the old one or the new one. */
export type Side = 'source' | 'target';

/** A pipeline's row of `ferry.cutover`. */
export interface Flag {
  /** Who takes the writes. */
  readonly serving: Side;
  /** Share of users, 0 to 100, that the target has while the source serves. */
  readonly percent: number;
  /** What of a user is there: `reads`, or with `users` reads and writes. */
  readonly mode: string;
  /** In the mode `users`, while the share changes: what it becomes. Users in between are on neither side. */
  readonly to?: number;
  /** In the mode `users`: whoever routes must know a change of this row so soon. */
  readonly routersWithinMs?: number;
}

/** Where one user's statements go. */
export interface Route {
  readonly reads: Side;
  readonly writes: Side;
}

/** Nobody is rolled out. */
export const everythingAt = (serving: Side): Flag => ({ serving, percent: 0, mode: 'reads' });

/** What the environment says over the flag. */
export interface Overrides {
  /** Set by FERRY_SERVING, or by SUPABASE_ENV: everything goes there, whatever the flag says. */
  readonly serving: Side | undefined;
  /** V2_ROLLOUT_PERCENTAGE, 0 to 100, in place of the flag's percent; undefined when it is not set. */
  readonly percent: number | undefined;
}

const SERVING = { source: 'source', target: 'target' } as const;
const SUPABASE_ENV = { production: 'source', v2: 'target' } as const;

/**
 * Reads `FERRY_SERVING=source|target`, `SUPABASE_ENV=production|v2` (the first wins) and `V2_ROLLOUT_PERCENTAGE`.
 * Unset and empty mean the same.
 * @throws Error naming the variable when its value is none of these: a typing error must not route anything.
 */
export function readOverrides(env: Readonly<Record<string, string | undefined>>): Overrides {
  return {
    serving: oneOf('FERRY_SERVING', env, SERVING) ?? oneOf('SUPABASE_ENV', env, SUPABASE_ENV),
    percent: percentOf('V2_ROLLOUT_PERCENTAGE', env),
  };
}

/** The user's place among 100, always the same: the first 32 bits of the id's md5, modulo 100. */
export function percentileOf(userId: string): number {
  const hash = createHash('md5').update(userId).digest('hex');
  return Number.parseInt(hash.slice(0, 8), 16) % 100;
}

/** True when the share includes the user. Without an id, an empty one too, it is drawn by lot each time. */
export function isRolledOut(percent: number, userId?: string): boolean {
  return (userId ? percentileOf(userId) : Math.random() * 100) < percent;
}

/**
 * Decides for one user.
 * @returns undefined for a user who is on the way from one project to the other, and must wait for the next flag.
 * @throws Error for a mode that this version does not know: a guess could send a user's writes to the wrong project.
 */
export function routeOf(flag: Flag, userId?: string): Route | undefined {
  const { serving, percent, mode } = flag;
  if (mode === 'reads') return { reads: isRolledOut(percent, userId) ? 'target' : serving, writes: serving };
  if (mode === 'users') {
    const side = sideOf(flag, userId);
    return side && { reads: side, writes: side };
  }
  throw new Error(`schemaferry/routing does not know the rollout mode ${JSON.stringify(mode)}: update the package`);
}

/** Without an id nobody is moved: whatever was drawn, the same rows could be written on both sides. */
function sideOf({ serving, percent, to = percent }: Flag, userId?: string): Side | undefined {
  if (!userId || serving === 'target') return serving;
  const isIn = isRolledOut(percent, userId);
  if (isIn !== isRolledOut(to, userId)) return undefined;
  return isIn ? 'target' : 'source';
}

function percentOf(name: string, env: Readonly<Record<string, string | undefined>>): number | undefined {
  const value = env[name];
  if (!value) return undefined;
  if (!/^\d{1,3}$/.test(value) || Number(value) > 100) {
    throw new Error(`${name} must be a whole number from 0 to 100, not ${JSON.stringify(value)}`);
  }
  return Number(value);
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
