import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { orSkip } from '../support/or-skip.js';
import { type OwnServer, ownServer } from '../support/own-server.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { promtool, type RunningPrometheus, startPrometheus } from '../support/prometheus.js';
import { describeWithPostgres } from '../support/servers.js';
import type { ServiceProcess } from '../support/service-process.js';

describeWithPostgres('what the services say of themselves', () => {
  let server: OwnServer;
  let pipeline: Pipeline;
  let control: ServiceProcess;
  let services: readonly ServiceProcess[];

  beforeAll(async () => {
    server = await ownServer({ wal_level: 'logical', max_slot_wal_keep_size: '1GB' });
    pipeline = await startPipeline({
      driver: 'embedded',
      sourceServer: server.url,
      schemaSql: 'CREATE TABLE public.users (id int PRIMARY KEY, name text)',
      sourceSql: `INSERT INTO public.users SELECT i, 'u' FROM generate_series(1, 100) i`,
      tables: { shared: fromPublic('users') },
    });
    control = pipeline.process('control');
    control.start();
    services = [pipeline.capture, pipeline.transform, pipeline.apply, control];
    for (const service of services) await untilProbe(service, 'readyz', 200);
  });

  afterAll(async () => {
    await pipeline?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test('every metric has a name, a unit and a help text by the conventions of Prometheus', async ({ skip }) => {
    await orSkip(skip, 'promtool', () => promtool(['--version']));
    for (const service of services) {
      const metrics = await get(service, 'metrics');
      expect(metrics.text).toContain(
        `ferry_running{service="${service.service}",pipeline="${pipeline.config.name}"} 1`,
      );
      expect(await promtool(['check', 'metrics'], metrics.text)).toBe('');
    }
  });

  test('Prometheus scrapes all of them, and finds lag missing while it cannot be measured', async ({ skip }) => {
    await orSkip(skip, 'Prometheus', () => promtool(['--version']));
    const targets = await Promise.all(services.map(async (service) => new URL(await service.http()).host));
    const prometheus = await startPrometheus(targets);
    try {
      await expectSeries(prometheus, 'up == 1', 4);
      await expectSeries(prometheus, 'ferry_running == 1', 4);
      for (const unit of ['bytes', 'seconds']) {
        const found = await expectSeries(prometheus, `ferry_lag_${unit}`, 3);
        expect(found.map(({ metric }) => metric.stage).sort()).toEqual(['applied', 'captured', 'transformed']);
      }
      await expectSeries(prometheus, 'ferry_slot_headroom_bytes > 0 and ferry_slot_retained_bytes < 1e9', 1);
      await expectSeries(prometheus, 'ferry_phase{phase="streaming"} == 1', 1);
      await eventually(async () => (await prometheus.query('ferry_ledger_balanced == 1')).length === 1, {
        what: 'the ledger to add up',
      });
      await server.down({ crash: true });
      // Capture and control wait for the source; the others have nothing to say about it.
      await Promise.all([pipeline.capture, control].map((service) => untilProbe(service, 'readyz', 503)));
      await expectSeries(prometheus, 'ferry_running == 0', 2);
      await eventually(async () => (await prometheus.query('{__name__=~"ferry_lag_.*"}')).length === 0, {
        what: 'lag to be absent',
      });
      await expectSeries(prometheus, 'ALERTS{alertname="FerryLagUnknown"}', 1);
      for (const service of services) expect((await get(service, 'healthz')).status).toBe(200);
      for (const service of [pipeline.transform, pipeline.apply]) {
        expect((await get(service, 'readyz')).status).toBe(200);
      }
    } finally {
      await server.up();
      await prometheus.stop();
    }
    for (const service of services) await untilProbe(service, 'readyz', 200);
  });

  test('a frozen source makes control not ready, though its connection stands', async () => {
    await server.freeze();
    try {
      await untilProbe(control, 'readyz', 503);
      expect((await get(control, 'metrics')).text).not.toMatch(/^ferry_lag_\w+{/m);
    } finally {
      await server.thaw();
    }
    await untilProbe(control, 'readyz', 200);
  });

  test('a service that has halted is gone, and control names it', async () => {
    await pipeline.apply.stop();
    await pipeline.target.query('ALTER TABLE shared.users ADD CHECK (id < 1000)');
    // The pipeline's own session ended with the server.
    const source = await pipeline.connect('source');
    await source.query(`INSERT INTO public.users VALUES (1000, 'u')`);
    pipeline.apply.start();
    pipeline.apply.mayEnd();
    expect((await pipeline.apply.ended).code).toBe(1);
    await expect(get(pipeline.apply, 'readyz')).rejects.toThrow();
    await eventually(
      async () => /ferry_service_state{name="apply",state="halted".*} 1/.test((await get(control, 'metrics')).text),
      { what: 'control to say that apply has halted' },
    );
  });
});

async function get(service: ServiceProcess, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${await service.http()}/${path}`);
  return { status: response.status, text: await response.text() };
}

async function untilProbe(service: ServiceProcess, path: string, status: number): Promise<void> {
  await eventually(async () => (await get(service, path)).status === status, {
    what: `/${path} of ${service.service} to answer ${status}`,
    timeoutMs: 60_000,
  });
}

async function expectSeries(prometheus: RunningPrometheus, expression: string, count: number) {
  return eventually(
    async () => {
      const found = await prometheus.query(expression);
      return found.length === count && found;
    },
    { what: `${count} series of ${expression}` },
  );
}
