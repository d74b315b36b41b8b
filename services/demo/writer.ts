import { createRouter, type Router, type Side } from '../../routing/router.js';
import { ApplicationPool } from './adapters/application-pool.js';
import type { Application, Share } from './application.js';
import type { WriteClaim } from './audit.js';
import { Pace } from './pace.js';
import { newRun } from './request-id.js';
import { Sender } from './sender.js';
import { type Counts, Tally } from './tally.js';

export interface WriterOptions {
  readonly application: Application;
  readonly sourceUrl: string;
  readonly targetUrl: string;
  readonly pipeline: string;
  /** Transactions that become due each second, whether the earlier ones have been answered or not. */
  readonly ratePerSecond: number;
  readonly connections: number;
  readonly seed: number;
}

export interface WriterStatus extends Counts {
  /** The project that serves. */
  readonly side: Side;
  /** The longest time without an accepted write since the last status, in ms. */
  readonly recentPauseMs: number;
  /** How late the last transaction began, in ms: when it keeps rising, the rate is more than the machine takes. */
  readonly behindMs: number;
}

export interface WriterReport extends Counts {
  readonly side: Side;
  readonly claim: WriteClaim;
  /** What transactions were given up for -> how many. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface Writer {
  status(): Promise<WriterStatus>;
  /** Begins no new transaction, waits for those under way, closes all connections. */
  stop(): Promise<WriterReport>;
}

/**
 * Starts an application that knows nothing of the migration but its router: it writes to the project that serves, at a
 * fixed rate, over a few connections, and keeps count of what it was told.
 * @throws Error when the serving project cannot be reached or has not the demo's data.
 */
export async function startWriter(options: WriterOptions): Promise<Writer> {
  // It only writes: a write to the old project that is too late is refused there, and tried again.
  const router = createRouter({ url: options.targetUrl, pipeline: options.pipeline, whenStale: 'source' });
  const { application, connections, seed } = options;
  const pools = {
    source: new ApplicationPool(options.sourceUrl, { searchPath: application.searchPath.source, connections }),
    target: new ApplicationPool(options.targetUrl, { searchPath: application.searchPath.target, connections }),
  };
  const close = () => Promise.all([router.close(), pools.source.end(), pools.target.end()]);
  try {
    await Promise.all([pools.source.warm(), pools.target.warm()]);
    const serving = pools[await router.serving()];
    const shares = await application.begin((sql) => serving.query(sql), { connections, seed });
    const [credit] = await serving.query<{ balance: string; transfers: string }>(application.traces.credit);
    return run({ options, router, pools, shares, credit: credit!, close });
  } catch (error) {
    await close();
    throw error;
  }
}

function run(started: {
  options: WriterOptions;
  router: Router;
  pools: Record<Side, ApplicationPool>;
  shares: Share[];
  credit: { balance: string; transfers: string };
  close: () => Promise<unknown>;
}): Writer {
  const { options, router, pools, credit } = started;
  const name = newRun();
  const tally = new Tally(performance.now());
  const sender = new Sender({ run: name, router, pools, tally });
  const pace = new Pace(options.ratePerSecond);
  const workers = started.shares.map(async (share) => {
    while (await pace.next()) await sender.send(share);
  });
  return {
    status: async () => ({
      ...tally.counts(),
      side: await router.serving(),
      recentPauseMs: tally.takeRecentPauseMs(performance.now()),
      behindMs: pace.behindMs,
    }),
    async stop() {
      pace.stop();
      await Promise.all(workers);
      const side = await router.serving();
      await started.close();
      const { last, transfers, unknownTransfers } = sender.sent;
      const claim: WriteClaim = {
        run: name,
        last,
        unknown: tally.unknown,
        failed: tally.failed,
        credit: {
          balance: credit.balance,
          transfersBefore: Number(credit.transfers),
          transfers,
          unknownTransfers,
        },
      };
      return { ...tally.counts(), side, claim, errors: Object.fromEntries(tally.errors) };
    },
  };
}
