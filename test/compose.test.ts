import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadPipeline, loadWayBack } from '../platform/load-pipeline.js';
import { packageRoot } from '../platform/package-root.js';

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test?: unknown };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const SERVICES = ['capture', 'transform', 'apply', 'control'];

async function servicesOf(config: string): Promise<Map<string, Service>> {
  const text = await readFile(join(packageRoot(), 'docker-compose.yml'), 'utf8');
  const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
  return new Map(Object.entries(services).filter(([, { command }]) => command?.at(-1) === config));
}

test('the compose file runs a pipeline and its way back, each with all of its services', async () => {
  const env = { SOURCE_URL: 'postgres://source/s', TARGET_URL: 'postgres://target/t', KAFKA_BROKERS: 'kafka:9092' };
  const pipeline = await loadPipeline(join(packageRoot(), 'config', 'growth-split'), env);
  const back = (await loadWayBack(pipeline, env))!;
  expect(back.wayBackOf).toMatchObject({ name: pipeline.name, directory: pipeline.directory });
  for (const { directory } of [pipeline, back]) {
    const services = await servicesOf(relative(packageRoot(), directory));
    expect([...services.values()].map(({ command }) => command!.slice(0, -1))).toEqual(
      SERVICES.map((service) => [service, '-c']),
    );
    for (const { environment, healthcheck } of services.values()) {
      expect(Object.keys(environment!)).toEqual(expect.arrayContaining(Object.keys(env)));
      expect(healthcheck!.test).toContain('node');
    }
  }
});

test('the way back waits until apply has made the tables that it reads', async () => {
  for (const { depends_on } of (await servicesOf('config/growth-split/back')).values()) {
    expect(depends_on).toEqual({ apply: { condition: 'service_healthy' } });
  }
});
