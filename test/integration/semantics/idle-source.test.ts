import { expect, test } from 'vitest';
import { type Lsn, parseLsn } from '../../../core/lsn.js';
import { sourceObjectName } from '../../../core/topics.js';
import type { PipelineStatus } from '../../../services/control/status/pipeline-status.js';
import { forEachDriver } from '../../support/drivers.js';
import { eventually } from '../../support/eventually.js';
import { ownServer } from '../../support/own-server.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';

interface Slot {
  readonly restart: Lsn;
  readonly confirmed: Lsn;
  readonly retainedBytes: number;
}

async function readSlot(pipeline: Pipeline): Promise<Slot> {
  const { rows } = await pipeline.source.query<Record<string, string>>(
    `SELECT restart_lsn, confirmed_flush_lsn, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) AS retained
       FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`,
    [sourceObjectName(pipeline.config.name)],
  );
  const { restart_lsn, confirmed_flush_lsn, retained } = rows[0]!;
  return {
    restart: parseLsn(restart_lsn!),
    confirmed: parseLsn(confirmed_flush_lsn!),
    retainedBytes: Number(retained),
  };
}

async function currentLsn(pipeline: Pipeline): Promise<Lsn> {
  const { rows } = await pipeline.source.query('SELECT pg_catalog.pg_current_wal_lsn() AS lsn');
  return parseLsn(rows[0].lsn);
}

/** A few seconds of heartbeats and a look; then it has to be there. */
async function statusWhere(
  pipeline: Pipeline,
  what: string,
  isSo: (status: PipelineStatus) => boolean,
): Promise<PipelineStatus> {
  return eventually(
    async () => {
      const status = await pipeline.status();
      return isSo(status) ? status : undefined;
    },
    { what, timeoutMs: 20_000 },
  );
}

forEachDriver('an idle source', (driver) => {
  test('shows true lag, releases its WAL, and never takes unknown or growing lag for none', async () => {
    // Of its own: others' WAL would be lag here too, and this one is taken down.
    const server = await ownServer({ max_wal_size: '64MB' });
    try {
      await using pipeline = await startPipeline({
        driver,
        sourceServer: server.url,
        schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, v text); CREATE TABLE public.quiet (id int PRIMARY KEY)',
        tables: { growth: fromPublic('t'), shared: fromPublic('quiet') },
      });
      await statusWhere(pipeline, 'no lag', ({ lag }) => lag.bytes === 0 && lag.seconds === 0);

      const before = await readSlot(pipeline);
      await pipeline.source.query(`CREATE TABLE public.unpublished AS
        SELECT i, repeat('x', 1000) AS v FROM generate_series(1, 40000) i`);
      const written = await currentLsn(pipeline);
      expect(written - before.confirmed).toBeGreaterThan(40_000_000n);
      await pipeline.until('the slot to let go of what nobody reads', async () => {
        // Writes where transactions stand, which the slot's restart_lsn needs to move; else it happens each 15 s.
        await pipeline.source.query('CHECKPOINT');
        const { restart, confirmed, retainedBytes } = await readSlot(pipeline);
        return confirmed >= written && restart >= written && retainedBytes < 1_000_000;
      });
      await statusWhere(pipeline, 'no lag again', ({ lag }) => lag.bytes === 0 && lag.seconds === 0);

      await pipeline.capture.stop();
      await statusWhere(
        pipeline,
        'what it captured to be applied',
        ({ lag }) => lag.captured.bytes !== null && lag.applied.bytes === lag.captured.bytes,
      );
      await pipeline.source.query(`INSERT INTO public.t SELECT i, 'v' FROM generate_series(1, 1000) i`);
      const lags = [];
      for (let look = 0; look < 3; look++) {
        lags.push((await pipeline.status()).lag);
        await pipeline.source.query(`UPDATE public.t SET v = v || 'w'`);
      }
      for (const [i, { bytes, seconds }] of lags.entries()) {
        expect(bytes).toBeGreaterThan(lags[i - 1]?.bytes ?? 0);
        expect(seconds).toBeGreaterThan(lags[i - 1]?.seconds ?? 0);
      }

      await server.down({ crash: true });
      const down = await pipeline.status();
      expect(down.lag).toMatchObject({
        bytes: null,
        seconds: null,
        captured: { bytes: null, seconds: null },
        applied: { bytes: null, seconds: null },
      });
      expect(down.errors.join('\n')).toMatch(/the source database/);

      await server.up();
      pipeline.capture.start();
      const caughtUp = await statusWhere(pipeline, 'no lag after all', ({ lag }) => lag.bytes === 0);
      expect(caughtUp.ledger!.tables).toMatchObject([{ table: 'public.t', applied: 4_000 }, { applied: 0 }]);
    } finally {
      await server.stop();
    }
  });
});
