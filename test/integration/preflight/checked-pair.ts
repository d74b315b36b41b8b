import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Client } from 'pg';
import { expect } from 'vitest';
import { parsePipeline } from '../../../core/config/pipeline.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { connect } from '../../../platform/postgres.js';
import type { Finding } from '../../../services/control/preflight/finding.js';
import { runPreflight } from '../../../services/control/preflight/run-preflight.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { testServers } from '../../support/servers.js';

/** A pipeline of a name that no other test's slot has; tables by target name, all in the domain schema growth. */
export function pipelineOf(tables: string): LoadedPipeline {
  const name = `check_${randomBytes(4).toString('hex')}`;
  const pipeline = parsePipeline(
    {
      pipeline: { path: 'pipeline.yaml', text: `pipeline: ${name}\nsource: {url: unused}\ntarget: {url: unused}\n` },
      mappings: [{ path: 'mapping/growth.yaml', text: `schema: growth\ntables:\n${tables}` }],
    },
    {},
  );
  return { ...pipeline, directory: tmpdir(), log: { ...pipeline.log, directory: tmpdir() } };
}

export const problems = (findings: readonly Finding[]) => findings.filter((finding) => finding.level !== 'ok');
export const brief = (findings: readonly Finding[]) =>
  problems(findings).map(({ check, level, side, object }) => `${level} ${side} ${check} ${object ?? '-'}`);

export function only(findings: readonly Finding[], check: string): Finding {
  const found = problems(findings).filter((finding) => finding.check === check);
  expect(found, JSON.stringify(problems(findings))).toHaveLength(1);
  return found[0]!;
}

/** A source with the schema public and a target with the schema growth, both without tables, and their preflight. */
export class CheckedPair {
  private constructor(
    readonly databases: { readonly source: FreshDatabase; readonly target: FreshDatabase },
    readonly source: Client,
    readonly target: Client,
  ) {}

  static async open(): Promise<CheckedPair> {
    const servers = testServers();
    const source = await freshDatabase(servers.sourceServer, 'check_source');
    const target = await freshDatabase(servers.targetServer, 'check_target');
    return new CheckedPair(
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
    await this.source.query('DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public');
    await this.target.query('DROP SCHEMA IF EXISTS ferry, growth CASCADE; CREATE SCHEMA growth');
  }

  check(pipeline: LoadedPipeline, clients: { source?: Client; target?: Client } = {}): Promise<Finding[]> {
    return runPreflight(pipeline, { source: this.source, target: this.target, ...clients });
  }

  /** Creates public.t and growth.t, and checks the pipeline that maps the one to the other. */
  async checkColumns(columns: { source: string; target: string }, more = ''): Promise<Finding[]> {
    await this.source.query(`CREATE TABLE public.t (${columns.source})`);
    await this.target.query(`CREATE TABLE growth.t (${columns.target})`);
    return this.checkMapping(`  t:\n    from: public.t\n${more}`);
  }

  /** @param tables of the mapping file. */
  checkMapping(tables: string): Promise<Finding[]> {
    return this.check(pipelineOf(tables));
  }
}
