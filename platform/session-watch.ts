import type pg from 'pg';
import { connect, type Side } from './postgres.js';

const TICK_MS = 2_000;
/** A statement for which nothing has come or gone for so long is asked after. */
const QUIET_MS = 10_000;
/** The server says that it waits for us, and we wait for it: once may be a moment between two messages. */
const LOST_AFTER = 2;

/** What node-postgres has of a session beside its interface. */
interface Session {
  readonly readyForQuery: boolean;
  readonly processID: number;
  readonly connection: {
    readonly stream: { readonly bytesRead: number; readonly bytesWritten: number; destroy(error: Error): void };
  };
}

/**
 * Watches a session whose statements may take any time: one that is quiet for long is asked after over a connection of its
 * own. A server that does not answer there either, that has no such session, or that waits for us while we wait for it,
 * is not waited for: the connection is cut, and the statement fails as of a lost connection.
 */
export function watchSession(
  client: pg.Client,
  { side, url }: { readonly side: Side; readonly url: string },
): Disposable {
  const session = client as unknown as Session;
  let moved = { bytes: -1, at: performance.now() };
  let ticked = performance.now();
  let suspicions = 0;
  let isAsking = false;
  const tick = async () => {
    const now = performance.now();
    const { bytesRead, bytesWritten } = session.connection.stream;
    // A process that stood still itself has heard nothing, whatever was said.
    const stoodStill = now - ticked > 2 * TICK_MS;
    ticked = now;
    if (session.readyForQuery || stoodStill || bytesRead + bytesWritten !== moved.bytes) {
      moved = { bytes: bytesRead + bytesWritten, at: now };
      suspicions = 0;
    }
    if (isAsking || now - moved.at < QUIET_MS) return;
    isAsking = true;
    suspicions = (await isWorking(session.processID, side, url)) ? 0 : suspicions + 1;
    isAsking = false;
    if (suspicions < LOST_AFTER) return;
    session.connection.stream.destroy(new Error('Connection terminated: the server does not answer any more'));
  };
  const timer = setInterval(() => void tick(), TICK_MS);
  timer.unref();
  const stop = () => clearInterval(timer);
  client.once('end', stop);
  return { [Symbol.dispose]: stop };
}

/** The server answers, and its session does something else than wait for us. */
async function isWorking(pid: number, side: Side, url: string): Promise<boolean> {
  let other: pg.Client;
  try {
    other = await connect(side, url, { applicationName: 'ferry watch', settings: { statement_timeout: '10000' } });
  } catch (error) {
    // Full, or of another password by now: it answers.
    return !/-unreachable$|^connection-lost$/.test((error as { code: string }).code) || isAnswer(error);
  }
  try {
    const asked: pg.QueryConfig & { query_timeout: number } = {
      text: `SELECT wait_event IS DISTINCT FROM 'ClientRead' AS works FROM pg_catalog.pg_stat_activity WHERE pid = $1`,
      values: [pid],
      query_timeout: QUIET_MS,
    };
    const { rows } = await other.query<{ works: string }>(asked);
    return rows[0]?.works === 't';
  } catch (error) {
    return isAnswer(error);
  } finally {
    (other as unknown as Session).connection.stream.destroy(new Error('asked'));
  }
}

/** A SQLSTATE: somebody has answered. */
function isAnswer(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: unknown };
  return /^[0-9A-Z]{5}$/.test(code ?? '') || (cause !== undefined && isAnswer(cause));
}
