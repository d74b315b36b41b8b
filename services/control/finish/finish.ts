import pRetry from 'p-retry';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { isWayBack, otherWay } from '../../../core/way-back.js';
import { COMMAND, NOUN } from '../cutover/direction.js';
import { Journal } from '../cutover/journal.js';
import { lockCoordinator } from '../cutover/lock.js';
import { readRollout } from '../rollout/rollout.js';
import { refuseTwoWay } from '../rollout/users/two-way-state.js';
import { keepRecord } from './keep-record.js';
import { findRecordRemains, findRemains, type Remain } from './remains.js';

export interface FinishOptions {
  readonly pipeline: string;
  readonly source: ClientBase;
  readonly target: ClientBase;
  /** Days that the old project is kept as it is after the cutover; 0 ends it at once. */
  readonly graceDays: number;
  /** There was no cutover, and none is wanted any more. */
  readonly isGivenUp: boolean;
  readonly onRemoved: (remain: Remain) => void;
}

/** What was taken away; nothing of the pipeline is left on the source then. */
export interface FinishReport {
  readonly ok: true;
  /** Null where it was given up. */
  readonly cutOverAt: string | null;
  readonly removed: readonly Pick<Remain, 'kind' | 'name'>[];
}

/**
 * Ends a migration: takes away what the pipeline has made on its source, fence included, and looks that nothing is left.
 * Killed on its way, it is run again.
 * @throws FerryError `not-ready` before the cutover, unless it is given up; within the days of grace; or where somebody
 * holds on to a table.
 */
export async function finish(options: FinishOptions): Promise<FinishReport> {
  const { pipeline, target, onRemoved } = options;
  refuseWayBack(pipeline);
  await lockCoordinator(target, pipeline, 0);
  await refuseOpen(options);
  const cutOverAt = await (options.isGivenUp ? refuseUsed(options) : refuseEarly(options));
  await keepRecord(options, otherWay(pipeline));
  const remains = await findAll(options);
  for (const { on, remain } of remains) {
    await on.query("SET lock_timeout = '250ms'");
    await remove(on, remain);
    onRemoved(remain);
  }
  const [left] = await findAll(options);
  if (left) {
    throw new FerryError('not-ready', `the ${left.remain.kind} ${left.remain.name} has come back`, {
      remedy: 'Stop every service of the pipeline, wherever it runs, then run `ferry finish` again.',
    });
  }
  // When the flag was flipped stays what it says.
  if (cutOverAt) await target.query("UPDATE ferry.cutover SET state = 'finished' WHERE pipeline = $1", [pipeline]);
  return { ok: true, cutOverAt, removed: remains.map(({ remain: { kind, name } }) => ({ kind, name })) };
}

/** @throws FerryError `usage`: what a way back was armed for has its flag and its journal where that would take them away. */
export function refuseWayBack(pipeline: string): void {
  if (!isWayBack(pipeline)) return;
  throw new FerryError('usage', `${pipeline} is a way back: it ends with the pipeline that it leads back`, {
    remedy: `Run \`ferry finish\` with the configuration of ${otherWay(pipeline)}.`,
  });
}

/** The way back goes first: nothing is carried from then on. It may be there although its configuration is not. */
async function findAll({ pipeline, source, target }: FinishOptions): Promise<Found[]> {
  const back = otherWay(pipeline);
  const wayBack = await findRemains(target, back);
  const record = await findRecordRemains(source, back);
  const forward = await findRemains(source, pipeline);
  const on = (client: ClientBase) => (remain: Remain) => ({ on: client, remain });
  return [...wayBack.map(on(target)), ...[...forward, ...record].map(on(source))];
}

interface Found {
  readonly on: ClientBase;
  readonly remain: Remain;
}

/** By the run that went through last: the flag's row changes with every rollback that is only begun. */
async function refuseEarly({ pipeline, target, graceDays }: FinishOptions): Promise<string> {
  const { rows } = await target.query<{ state: string; at: string; ends: string; is_over: string }>(
    `SELECT state, at, date_trunc('second', at + $2 * interval '1 day') AS ends,
            at + $2 * interval '1 day' <= clock_timestamp() AS is_over
       FROM (SELECT c.state, coalesce(
                      (SELECT max(r.finished_at) FROM ferry.cutover_run r
                        WHERE r.pipeline = c.pipeline AND r.direction = 'forward' AND r.state = 'done'),
                      c.changed_at) AS at
               FROM ferry.cutover c WHERE c.pipeline = $1 AND c.serving = 'target') cutover`,
    [pipeline, graceDays],
  );
  const [cutover] = rows;
  if (!cutover) {
    throw new FerryError('not-ready', `the old project serves: the pipeline ${pipeline} was not cut over`, {
      remedy: 'Run `ferry cutover`; or give the migration up: ferry finish --give-up.',
    });
  }
  if (cutover.is_over !== 't' && cutover.state !== 'finished') {
    throw new FerryError('not-ready', `the days of grace last until ${cutover.ends}: ${graceDays} since the cutover`, {
      remedy: 'Wait, or give --now. How many there are, `cutover.graceDays` in pipeline.yaml says.',
    });
  }
  return cutover.at;
}

/** @throws FerryError `not-ready` where somebody is in the new project, or about to be. */
async function refuseUsed({ pipeline, target }: FinishOptions): Promise<null> {
  const { serving, percent } = await readRollout(target, pipeline);
  if (serving === 'target') {
    throw new FerryError('not-ready', 'the new project serves: that is not given up', {
      remedy: '`ferry rollback` moves the traffic back to the old one; without --give-up the migration is finished.',
    });
  }
  await refuseTwoWay(target, pipeline);
  if (percent > 0) {
    throw new FerryError('not-ready', `${percent} % of the users read from the new project`, {
      remedy: 'Take them back first: ferry rollout --percent 0.',
    });
  }
  return null;
}

/** @throws FerryError `not-ready` where a coordinator has died, and nobody has decided what comes of it. */
async function refuseOpen({ pipeline, target }: FinishOptions): Promise<void> {
  const open = await Journal.open(target, pipeline);
  if (!open) return;
  const { direction } = open.run;
  throw new FerryError('not-ready', `a ${NOUN[direction]} of the pipeline ${pipeline} has not ended`, {
    remedy: `Go on with it, ${COMMAND[direction]} --resume, or undo it: ${COMMAND[direction]} --abort.`,
  });
}

/** Nobody waits for long behind us: what is in use is tried again. */
async function remove(source: ClientBase, { kind, name, sql }: Remain): Promise<void> {
  try {
    await pRetry(() => source.query(sql), {
      retries: 40,
      factor: 1,
      minTimeout: 250,
      shouldRetry: ({ error }) => isInUse(error),
    });
  } catch (error) {
    if (!isInUse(error)) throw error;
    throw new FerryError('not-ready', `the ${kind} ${name} is in use: ${(error as Error).message}`, {
      remedy: 'End the transaction, or stop the service, that holds it, then run `ferry finish` again.',
      cause: error,
    });
  }
}

/** A lock that was waited for, or an object that somebody uses. */
function isInUse(error: unknown): boolean {
  return ['55P03', '55006'].includes((error as { code?: string }).code ?? '');
}
