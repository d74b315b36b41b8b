import type { Client } from 'pg';
import type { TableMapping } from '../../../core/mapping.js';
import { parseQualifiedName } from '../../../core/relation.js';
import { connect } from '../../../platform/postgres.js';
import { ruleKit } from '../../../platform/rule-kit.js';
import type { AppliedProbe } from '../../../services/control/verify/applied-probe.js';
import type { TableReport, VerifyReport } from '../../../services/control/verify/report.js';
import { type VerifyOptions, verifyTables } from '../../../services/control/verify/verify-tables.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { testServers } from '../../support/servers.js';

/** For a pair that nobody writes to: everything is applied. */
const QUIET: AppliedProbe = { waitUntilApplied: async () => {} };

/** A source with the schema public and a target with the schema growth, both without tables, and their verification. */
export class Pair {
  private constructor(
    readonly databases: { readonly source: FreshDatabase; readonly target: FreshDatabase },
    readonly source: Client,
    readonly target: Client,
  ) {}

  static async open(): Promise<Pair> {
    const servers = testServers();
    const source = await freshDatabase(servers.sourceServer, 'verify_source');
    const target = await freshDatabase(servers.targetServer, 'verify_target');
    return new Pair(
      { source, target },
      await connect('source', source.url, { applicationName: 'test' }),
      await connect('target', target.url, { applicationName: 'test' }),
    );
  }

  async close(): Promise<void> {
    await this.source.end();
    await this.target.end();
    await this.databases.source.drop();
    await this.databases.target.drop();
  }

  /** Drops what the test before has made. */
  async reset(): Promise<void> {
    await this.source.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await this.target.query('DROP SCHEMA IF EXISTS growth, ferry CASCADE; CREATE SCHEMA growth');
  }

  connect(side: 'source' | 'target'): Promise<Client> {
    return connect(side, this.databases[side].url, { applicationName: 'test' });
  }

  /** Creates public.t and growth.t alike. @param fill statements; `@` stands for the table. */
  async both(columns: string, fill = ''): Promise<void> {
    await this.source.query(`CREATE TABLE public.t (${columns}); ${fill.replaceAll('@', 'public.t')}`);
    await this.target.query(`CREATE TABLE growth.t (${columns}); ${fill.replaceAll('@', 'growth.t')}`);
  }

  verify(tables: readonly TableMapping[], options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
    return verifyTables({
      tables,
      kit: ruleKit,
      connectSource: () => this.connect('source'),
      connectTarget: () => this.connect('target'),
      applied: QUIET,
      chunkRows: 100,
      ...options,
    });
  }

  async verifyOne(table: TableMapping, options: Partial<VerifyOptions> = {}): Promise<TableReport> {
    return (await this.verify([table], options)).tables[0]!;
  }
}

/** public.t to growth.t where nothing else is said. */
export function mapping(of: { source?: string; target?: string; rename?: Record<string, string> } = {}): TableMapping {
  return {
    source: parseQualifiedName(of.source ?? 'public.t')!,
    target: parseQualifiedName(of.target ?? 'growth.t')!,
    rename: new Map(Object.entries(of.rename ?? {})),
    place: { file: 'mapping/growth.yaml', line: 1, column: 1 },
    columnPlaces: new Map(),
  };
}
