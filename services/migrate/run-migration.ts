import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import { Backoff } from '../../platform/backoff.js';
import { classifyUnnamed } from '../../platform/postgres.js';
import { type Operator, recordApplied, recordEvent, recordProgress } from './adapters/history.js';
import { runScript } from './adapters/run-script.js';
import type { Migration } from './migration-set.js';
import { oneByOne, type Script } from './script.js';
import { refuseTransactionControl, withoutTransactionControl } from './transaction-control.js';

export interface RunOptions {
  readonly operator: Operator;
  readonly lockTimeoutMs: number;
  readonly lockTries: number;
  /** SQLSTATEs of what passes, beside those of locks. */
  readonly passing?: readonly string[];
  readonly onStatement?: (done: number, total: number) => void;
  readonly onRetry?: (why: string) => void;
}

export interface RunReport {
  readonly durationMs: number;
  readonly statements: number;
  /** More than one where a lock was not to be had at first. */
  readonly tries: number;
}

/** A migration, and what its file says to the server. */
export interface ReadyMigration {
  readonly migration: Migration;
  readonly script: Script;
}

/** @throws FerryError `config-invalid` when it has no statement, or its transactions are not ours to make. */
export function readyMigration(migration: Migration, script: Script): ReadyMigration {
  if (script.parts.length === 0) {
    throw new FerryError('config-invalid', `${migration.file} has no statement`, {
      remedy: 'Write it, or delete the file; one that is to do nothing says SELECT 1; nothing was run.',
    });
  }
  return { migration, script: inItsWay(script, migration.isTransactional) };
}

/**
 * A script without control of transactions; what runs without one has a statement in each part.
 * @throws FerryError `config-invalid` when it ends or begins transactions itself.
 */
export function inItsWay(script: Script, isTransactional: boolean): Script {
  if (isTransactional) return withoutTransactionControl(script);
  refuseTransactionControl(script);
  return { ...script, parts: script.parts.flatMap(oneByOne) };
}

/**
 * Runs a migration and writes down that it was: in the same transaction, unless it runs without one. What a crash leaves
 * is the old state or the new one, and the history says which; without a transaction, how many statements are done.
 * @throws FerryError `migration-failed`, which the history has, too.
 */
export async function runMigration(session: pg.Client, ready: ReadyMigration, options: RunOptions): Promise<RunReport> {
  const { migration, script } = ready;
  const { operator } = options;
  await noticeLostClient(session);
  const id = await recordEvent(session, operator, { kind: 'started', migration });
  const startedAt = performance.now();
  const durationMs = () => Math.round(performance.now() - startedAt);
  const statements = script.parts.reduce((sum, part) => sum + part.statements.length, 0);
  let done = 0;
  const onStatement = (count: number) => {
    done = count;
    options.onStatement?.(count, statements);
  };
  try {
    const tries = migration.isTransactional
      ? await inTransaction(session, ready, { ...options, onStatement, durationMs })
      : await withoutTransaction(session, ready, { ...options, id, onStatement, durationMs });
    return { durationMs: durationMs(), statements, tries };
  } catch (error) {
    const failure = classifyUnnamed(error);
    const statementsDone = migration.isTransactional ? 0 : done;
    const event = { migration, durationMs: durationMs(), statementsDone, detail: failure.message };
    // A session that broke cannot say so: the log then has a start without an end, which tells as much.
    await recordEvent(session, operator, { kind: 'failed', ...event }).catch(() => {});
    throw failure;
  }
}

type Running = Omit<RunOptions, 'onStatement'> & {
  readonly onStatement: (done: number) => void;
  readonly durationMs: () => number;
};

/** @returns how often it was tried. */
async function inTransaction(session: pg.Client, ready: ReadyMigration, options: Running): Promise<number> {
  const backoff = new Backoff({ firstMs: 250, lastMs: 4_000 });
  for (let tries = 1; ; tries++) {
    try {
      await attempt(session, ready, options);
      return tries;
    } catch (error) {
      await session.query('ROLLBACK').catch(() => {});
      if (tries >= options.lockTries || !isPassing(classifyUnnamed(error), options)) throw error;
      options.onRetry?.((error as Error).message);
      await sleep(backoff.next());
    }
  }
}

/** Lock timeout, deadlock, serialization failure: nothing is kept, and the same may work in a moment. */
function isPassing({ details }: FerryError, { passing = [] }: Pick<RunOptions, 'passing'>): boolean {
  return ['55P03', '40P01', '40001', ...passing].includes(String(details.sqlstate));
}

async function attempt(session: pg.Client, { migration, script }: ReadyMigration, options: Running): Promise<void> {
  const { operator, lockTimeoutMs, onStatement, durationMs } = options;
  await session.query('BEGIN');
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL row_security = on`);
  await runScript(session, script, onStatement);
  await resetSession(session);
  await recordApplied(session, operator, migration, durationMs());
  await recordEvent(session, operator, { kind: 'applied', migration, durationMs: durationMs() });
  await session.query('COMMIT');
}

async function withoutTransaction(
  session: pg.Client,
  { migration, script }: ReadyMigration,
  { id, operator, onStatement, durationMs }: Running & { id: string },
): Promise<number> {
  await runOneByOne(session, script, async (done) => {
    await recordProgress(session, id, done);
    onStatement(done);
  });
  await session.query('BEGIN');
  await recordApplied(session, operator, migration, durationMs());
  await recordEvent(session, operator, { kind: 'applied', migration, durationMs: durationMs() });
  await session.query('COMMIT');
  return 1;
}

/** Runs a script of parts that have a statement each, without a transaction. @param onDone how many are done. */
export async function runOneByOne(
  session: pg.Client,
  script: Script,
  onDone: (done: number) => Promise<void>,
): Promise<void> {
  await session.query('SET row_security = on');
  try {
    for (const [index, part] of script.parts.entries()) {
      await runScript(session, { ...script, parts: [part] });
      await onDone(index + 1);
    }
  } finally {
    await resetSession(session).catch(() => {});
  }
}

/** A server works on for a killed client until it has something to say to it, unless it looks; not every system can. */
export async function noticeLostClient(session: pg.Client): Promise<void> {
  await session.query("SET client_connection_check_interval = '2s'").catch(() => {});
}

/** What a file sets is its own: settings go back to those that the session began with, the role to who logged in. */
export async function resetSession(session: pg.Client): Promise<void> {
  await session.query('RESET SESSION AUTHORIZATION');
  await session.query('RESET ALL');
}
