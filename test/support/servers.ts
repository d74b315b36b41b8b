import { describe, inject } from 'vitest';

/** What the tests have to work with, made once a run by global-setup.ts. */
export interface ProvidedServers {
  readonly sourceServer?: string;
  readonly targetServer?: string;
  readonly brokers?: readonly string[];
  readonly hasOpenssl: boolean;
  readonly missing: readonly { readonly server: string; readonly reason: string }[];
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: ProvidedServers;
  }
}

export interface TestServers {
  /** Superuser URLs, wal_level logical. Make databases of your own in them with freshDatabase(). */
  readonly sourceServer: string;
  readonly targetServer: string;
  /** host:port of each Kafka broker; undefined without Kafka (see describeWithKafka). */
  readonly brokers?: readonly string[];
}

/**
 * The servers of this run.
 * @throws Error outside describeWithPostgres when there is no PostgreSQL.
 */
export function testServers(): TestServers {
  const { sourceServer, targetServer, brokers } = provided();
  if (!sourceServer || !targetServer) throw new Error('no PostgreSQL here: put the test into describeWithPostgres()');
  return { sourceServer, targetServer, brokers };
}

/** A suite that needs both PostgreSQL servers; skipped where one is missing, and the reporter says why. */
export function describeWithPostgres(name: string, tests: () => void): void {
  describe.skipIf(!hasPostgres())(name, tests);
}

/** A suite that needs both PostgreSQL servers and Kafka; skipped where one is missing, and the reporter says why. */
export function describeWithKafka(name: string, tests: () => void): void {
  describe.skipIf(!hasPostgres() || !provided().brokers)(name, tests);
}

/** A suite that makes certificates; skipped where there is no openssl, and the reporter says why. */
export function describeWithCertificates(name: string, tests: () => void): void {
  describe.skipIf(!provided().hasOpenssl)(name, tests);
}

function hasPostgres(): boolean {
  const { sourceServer, targetServer } = provided();
  return sourceServer !== undefined && targetServer !== undefined;
}

function provided(): ProvidedServers {
  const servers = inject('servers');
  if (!servers) throw new Error('no servers in this project: tests that need one stand in a folder of test/');
  return servers;
}
