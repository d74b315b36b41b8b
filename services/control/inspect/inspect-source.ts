import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { drawDomains } from '../../../core/inspect/picture.js';
import { type Proposal, propose } from '../../../core/inspect/proposal.js';
import { uuidV5 } from '../../../core/mapping/uuid-v5.js';
import { ruleKit } from '../../../platform/rule-kit.js';
import type { ConfigContent } from '../init/config-files.js';
import type { CatalogTable } from '../preflight/catalog.js';
import { readActivity } from './activity.js';
import { assignProposal, commentsOf } from './assign-proposal.js';
import { buildReport } from './build-report.js';
import { type OnProgress, readSource, type SourceReading } from './read-source.js';
import type { InspectReport } from './report.js';
import { takenSchemas } from './scope.js';
import { checkSource } from './source-checks.js';

export interface Inspection {
  readonly report: InspectReport;
  /** Mermaid's text. */
  readonly picture: string;
  /** What `--out` writes, without the pipeline's name. */
  readonly content: Omit<ConfigContent, 'name'>;
}

/**
 * Looks at a database that nobody understands, and writes nothing into it.
 * @param options.watchMs how far the two readings of the statistics lie apart, at least.
 */
export async function inspectSource(
  client: ClientBase,
  options: { readonly watchMs: number; readonly onProgress: OnProgress },
): Promise<Inspection> {
  const { watchMs, onProgress } = options;
  const began = performance.now();
  const reading = await readSource(client, onProgress);
  const proposal = proposalOf(reading);
  const assignment = assignProposal(proposal, withRows(reading));
  const left = [...assignment.left, ...reading.outside];
  onProgress({ doing: 'counting writes' });
  await sleep(Math.max(0, watchMs - (performance.now() - began)));
  const activity = await readActivity(client);
  const checks = await checkSource(client, reading.catalog, { ...assignment, left });
  return {
    report: buildReport({ reading, activity, proposal, assignment, checks }),
    picture: drawDomains(proposal.domains, reading.facts.foreignKeys, proposal.merges),
    content: { assignment: { ...assignment, left }, bytes: reading.bytes, ...commentsOf(proposal, assignment) },
  };
}

/** A mapping says of each table how many rows it has: by our count where the planner has no estimate. */
function withRows({ tables, rows }: SourceReading): CatalogTable[] {
  return tables.map((table) => ({ ...table, estimatedRows: rows.get(table.oid)?.rows ?? null }));
}

/** Under it each source table has a namespace of its own for the keys that are made: the same in every run. */
const NAMESPACE = '6f1c8c0e-3a52-4f0b-9a3e-5f0d0c8f2b71';

function proposalOf({ tableFacts, facts, pairs, sampling }: SourceReading): Proposal {
  return propose({
    tables: tableFacts,
    references: facts.foreignKeys,
    pairs,
    samples: sampling.samples,
    taken: takenSchemas(facts.roles),
    namespaceOf: uuidV5(NAMESPACE, ruleKit),
  });
}
