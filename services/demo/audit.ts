import type { Client } from 'pg';
import { connect, quoteLiteral } from '../../platform/postgres.js';
import type { ApplicationSide } from './adapters/application-pool.js';
import type { Application } from './application.js';
import { numberOf, requestId } from './request-id.js';

/** What the application claims at its end; plain JSON, so that another process can check it. */
export interface WriteClaim {
  readonly run: string;
  /** The last transaction's number; every number from 1 to it is acknowledged, unless it stands in a list below. */
  readonly last: number;
  /** The COMMIT was not answered: they may be there or not. */
  readonly unknown: readonly number[];
  /** Given up: they must not be there. */
  readonly failed: readonly number[];
  readonly credit: CreditClaim;
}

export interface CreditClaim {
  /** Sum of all balances before the run; transfers leave it as it is. */
  readonly balance: string;
  /** Sum of all accounts' transfers before the run. */
  readonly transfersBefore: number;
  /** Acknowledged and unknown transfers of the run; each adds two to the sum above. */
  readonly transfers: number;
  readonly unknownTransfers: number;
}

export interface AuditResult {
  readonly ok: boolean;
  readonly acknowledged: number;
  /** Transactions of the run that the database has. */
  readonly found: number;
  /** Acknowledged and not there. */
  readonly lost: readonly number[];
  /** There more than once. */
  readonly duplicated: readonly number[];
  /** There although given up, or never sent. */
  readonly unexpected: readonly number[];
  /** The sum of all balances is what it was. */
  readonly isBalanceKept: boolean;
  /** Transfers missing (negative) or applied too often (positive); 0 when unknown outcomes can explain it. */
  readonly transferDrift: number;
}

/**
 * Compares what the application was told with what a database has: every acknowledged transaction exactly once, none
 * that was given up. Nothing but this application may move credit meanwhile.
 * @param at side and URL of the database: the target after the cutover.
 */
export async function auditWrites(
  { searchPath, traces }: Pick<Application, 'searchPath' | 'traces'>,
  at: { readonly side: ApplicationSide; readonly url: string },
  claim: WriteClaim,
): Promise<AuditResult> {
  const session = await connect(at.side, at.url, {
    applicationName: 'ferry-demo-audit',
    settings: { search_path: searchPath[at.side] },
  });
  try {
    const times = await readRequests(session, traces.requests[at.side], claim.run);
    const { rows } = await session.query<{ balance: string; transfers: string }>(traces.credit);
    return judge(claim, times, { balance: rows[0]!.balance, transfers: Number(rows[0]!.transfers) });
  } finally {
    await session.end();
  }
}

/** How often each transaction number of the run is there. */
async function readRequests(session: Client, table: string, run: string): Promise<Map<number, number>> {
  const [from, to] = [requestId(run, 0), requestId(run, 2 ** 48 - 1)].map(quoteLiteral);
  const { rows } = await session.query<{ id: string; times: string }>(
    `SELECT request_id AS id, count(*) AS times FROM ${table} WHERE request_id BETWEEN ${from} AND ${to} GROUP BY 1`,
  );
  return new Map(rows.map((row) => [numberOf(row.id), Number(row.times)]));
}

/** Pure. @param times how often each number was found. */
export function judge(
  claim: WriteClaim,
  times: ReadonlyMap<number, number>,
  credit: { readonly balance: string; readonly transfers: number },
): AuditResult {
  const unknown = new Set(claim.unknown);
  const failed = new Set(claim.failed);
  const numbers = Array.from({ length: claim.last }, (_, index) => index + 1);
  const acknowledged = numbers.filter((number) => !unknown.has(number) && !failed.has(number));
  const lost = acknowledged.filter((number) => !times.has(number));
  const duplicated = [...times].filter(([, count]) => count > 1).map(([number]) => number);
  const unexpected = [...times.keys()].filter((number) => number < 1 || number > claim.last || failed.has(number));
  const isBalanceKept = credit.balance === claim.credit.balance;
  const transferDrift = driftOf(claim.credit, credit.transfers);
  const ok = lost.length + duplicated.length + unexpected.length === 0 && isBalanceKept && transferDrift === 0;
  return {
    ok,
    acknowledged: acknowledged.length,
    found: times.size,
    lost,
    duplicated,
    unexpected,
    isBalanceKept,
    transferDrift,
  };
}

function driftOf(claim: CreditClaim, transfersNow: number): number {
  const rowsMoved = transfersNow - claim.transfersBefore;
  const least = claim.transfers * 2;
  const most = least + claim.unknownTransfers * 2;
  if (rowsMoved < least) return rowsMoved - least;
  return rowsMoved > most ? rowsMoved - most : 0;
}
