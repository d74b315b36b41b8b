import type { ClientBase } from 'pg';
import { sourceObjectName } from '../../../core/topics.js';
import { APPLIES, otherWay } from '../../../core/way-back.js';
import { quoteIdentifier, quoteLiteral } from '../../../platform/postgres.js';
import { directionOf, NOUN, PROJECT, SERVES_AFTER } from './direction.js';

/**
 * The fence: statement triggers on the mapped tables, whose one function decides.
 *
 * - armed: each writing transaction takes a shared advisory lock, or is refused when it cannot have it at once. The
 *   coordinator raises the fence by asking for that lock alone: from that moment new writers are refused, those in
 *   flight go on undisturbed, and when it has the lock they are all done. No table is locked, so nothing can deadlock
 *   with the application, whatever order it writes in.
 * - closed: every write is refused, whoever the coordinator's session belongs to by then. PostgreSQL finds functions
 *   by its newest catalog, not by a transaction's snapshot, so that an old repeatable-read transaction is refused too.
 * - open: writes pass.
 *
 * The apply of the other direction passes in any state: what it brings is what the project that serves has taken.
 */
export type FenceState = 'armed' | 'closed' | 'open';

/** Whose fence it is: a lift of who has lost the coordinator's lock must not open the fence of who has it now. */
export interface FenceOwner {
  readonly pipeline: string;
  /** Of the cutover, for those who are refused. */
  readonly run: string;
  /** Of the process that works on it. */
  readonly attempt: string;
}

/** 40001 is what clients try again, and trying again is right: the flag will have told them where by then. */
export function functionSql({ pipeline, run, attempt }: FenceOwner, state: FenceState): string {
  const direction = directionOf(pipeline);
  const moves = `the pipeline ${pipeline} moves it to ${PROJECT[SERVES_AFTER[direction]]} (${NOUN[direction]} ${run})`;
  const refuse = `RAISE EXCEPTION USING ERRCODE = '40001',
      MESSAGE = pg_catalog.format('schemaferry: writes to %s.%s are refused, %s', TG_TABLE_SCHEMA, TG_TABLE_NAME, ${quoteLiteral(moves)}),
      HINT = 'Read the flag again and write to the project that serves.';`;
  const pass = `IF pg_catalog.current_setting(${quoteLiteral(APPLIES)}, true) = ${quoteLiteral(otherWay(pipeline))} THEN RETURN NULL; END IF;`;
  const body = {
    armed: `${pass}
  IF NOT pg_catalog.pg_try_advisory_xact_lock_shared(${fenceLockKey(pipeline)}) THEN ${refuse} END IF;`,
    closed: `${pass}
  ${refuse}`,
    open: '',
  }[state];
  return `CREATE OR REPLACE FUNCTION ferry.${fenceName(pipeline)}() RETURNS trigger LANGUAGE plpgsql AS $fence$
BEGIN -- fence: ${state}, run ${run}, attempt ${attempt}
  ${body}
  RETURN NULL;
END $fence$`;
}

export interface StandingFence {
  readonly state: FenceState;
  readonly run: string;
  readonly attempt: string;
}

/** What stands on the source; undefined where no cutover has ever armed a fence. */
export async function readFence(source: ClientBase, pipeline: string): Promise<StandingFence | undefined> {
  const { rows } = await source.query<{ body: string }>(
    `SELECT p.prosrc AS body FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = 'ferry' AND p.proname = $1`,
    [`${sourceObjectName(pipeline)}_fence`],
  );
  const found = /-- fence: (\w+), run (\S+), attempt (\S+)/.exec(rows[0]?.body ?? '');
  return found ? { state: found[1] as FenceState, run: found[2]!, attempt: found[3]! } : undefined;
}

/**
 * Replaces the function when what stands is as expected, in one transaction beside which nobody else replaces it. It is
 * on the disk when this returns: a source that crashes later must not come back with the fence of before.
 * @returns whether it was as expected, and is as it shall be now.
 */
export async function replaceFence(
  source: ClientBase,
  owner: FenceOwner,
  { state, when }: { readonly state: FenceState; readonly when: (standing: StandingFence | undefined) => boolean },
): Promise<boolean> {
  return beneathFence(source, owner.pipeline, async (standing) => {
    const isExpected = when(standing);
    if (isExpected) await source.query(functionSql(owner, state));
    return isExpected;
  });
}

/** Runs work in one transaction beside which nobody replaces the function; it is on the disk when this returns. */
export async function beneathFence<T>(
  source: ClientBase,
  pipeline: string,
  work: (standing: StandingFence | undefined) => Promise<T>,
): Promise<T> {
  await source.query("BEGIN; SET LOCAL synchronous_commit = 'on'; SET LOCAL lock_timeout = '10s'");
  try {
    await source.query(
      "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('ferry.fence-function'), pg_catalog.hashtext($1))",
      [pipeline],
    );
    const result = await work(await readFence(source, pipeline));
    await source.query('COMMIT');
    return result;
  } catch (error) {
    await source.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/**
 * Opens the fence that stands on the side that is to serve, since it served last; where none stands, nothing is done.
 * @param owner of this move.
 */
export async function admitWriters(target: ClientBase, owner: FenceOwner): Promise<void> {
  const theirs = { ...owner, pipeline: otherWay(owner.pipeline) };
  await replaceFence(target, theirs, { state: 'open', when: (standing) => standing !== undefined });
}

/** Closes it again, if this run has opened it. */
export async function refuseWriters(
  target: ClientBase,
  owner: Pick<FenceOwner, 'pipeline' | 'run'> & { readonly attempt?: string },
): Promise<void> {
  const theirs = { attempt: 'none', ...owner, pipeline: otherWay(owner.pipeline) };
  await replaceFence(target, theirs, {
    state: 'closed',
    when: (standing) =>
      standing?.state === 'open' &&
      standing.run === owner.run &&
      (owner.attempt === undefined || standing.attempt === owner.attempt),
  });
}

/**
 * Takes over a closed fence that another process of the same run has left.
 * @returns false when it is not closed: writers may have come through since.
 */
export function takeOverFence(source: ClientBase, owner: FenceOwner): Promise<boolean> {
  return takeOver(source, owner, 'closed');
}

/** Takes over the fence that an earlier process of the same run has opened on the side that is to serve, if it has. */
export async function takeOverAdmitted(target: ClientBase, owner: FenceOwner): Promise<void> {
  await takeOver(target, { ...owner, pipeline: otherWay(owner.pipeline) }, 'open');
}

function takeOver(client: ClientBase, owner: FenceOwner, state: FenceState): Promise<boolean> {
  return replaceFence(client, owner, {
    state,
    when: (standing) => standing?.state === state && standing.run === owner.run,
  });
}

/**
 * Lifts the fence at once, with no lock; lifting none is no error.
 * @param owner with an attempt: only that one's. Without: whoever's, which is for the coordinator alone.
 */
export async function liftFence(
  source: ClientBase,
  owner: Pick<FenceOwner, 'pipeline' | 'run'> & { readonly attempt?: string },
): Promise<void> {
  await replaceFence(
    source,
    { attempt: 'none', ...owner },
    {
      state: 'open',
      when: (standing) => standing !== undefined && (!owner.attempt || standing.attempt === owner.attempt),
    },
  );
}

/** Two numbers: shared by who writes past the armed fence, exclusive for who raises it. */
export function fenceLockKey(pipeline: string): string {
  return `pg_catalog.hashtext('ferry.fence'), pg_catalog.hashtext(${quoteLiteral(pipeline)})`;
}

/** Of the function and of the triggers, quoted. */
export function fenceName(pipeline: string): string {
  return quoteIdentifier(`${sourceObjectName(pipeline)}_fence`);
}
