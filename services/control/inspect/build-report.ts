import { findHardcoded, findUnqualified } from '../../../core/inspect/hardcoded.js';
import { type Proposal, schemaByTable } from '../../../core/inspect/proposal.js';
import { displayName } from '../../../core/relation.js';
import type { Assignment } from '../init/assign-tables.js';
import { type ActivityReading, activityOf } from './activity.js';
import type { SourceReading } from './read-source.js';
import type { InspectedTable, InspectReport } from './report.js';
import { isTable } from './scope.js';
import { findLosses, type ObjectFinding } from './survival.js';
import { keyOf } from './table-facts.js';

export interface ReportInput {
  readonly reading: SourceReading;
  /** The second reading of the statistics. */
  readonly activity: ActivityReading;
  readonly proposal: Proposal;
  readonly assignment: Assignment;
  /** What `ferry check` would say of the source. */
  readonly checks: readonly ObjectFinding[];
}

/** Pure. */
export function buildReport(input: ReportInput): InspectReport {
  const { reading, activity, proposal, assignment, checks } = input;
  const { facts, catalog, tables, behaviors, sampling } = reading;
  const schemas = schemaByTable(proposal);
  const unqualified = findUnqualified(facts.definitions, new Set(tables.map(({ table }) => table)));
  const losses = findLosses({
    ...{ facts, catalog, tables, schemas, behaviors, unqualified },
    left: assignment.left,
    references: facts.foreignKeys,
  });
  const unsampled = sampling.failed.map(
    ({ table, reason }): ObjectFinding => ({
      check: 'sample',
      level: 'warn',
      object: table,
      message: `its values were not compared: ${reason}`,
    }),
  );
  return {
    database: facts.database,
    version: facts.version,
    watchedSeconds: activity.at - reading.activity.at,
    tables: inspectedTables(input),
    domains: proposal.domains,
    merges: proposal.merges,
    hardcoded: findHardcoded(facts.definitions, leftSchemas(input)),
    findings: [...checks, ...losses, ...unsampled],
  };
}

/** Schemas whose tables go to another one. */
function leftSchemas({ reading, proposal }: ReportInput): Set<string> {
  const schemas = schemaByTable(proposal);
  const moved = reading.tables.filter((table) => schemas.get(displayName(table)) !== table.schema);
  return new Set(moved.map(({ schema }) => schema));
}

function inspectedTables({ reading, activity, assignment }: ReportInput): InspectedTable[] {
  const { catalog, rows, bytes, facts, outside } = reading;
  const targets = new Map(assignment.tables.map(({ source, target }) => [displayName(source), displayName(target)]));
  const left = new Map([...assignment.left, ...outside].map(({ table, reason }) => [table, reason]));
  return [...catalog.tables.values()].filter(isTable).map((table) => {
    const name = displayName(table);
    return {
      name,
      ...(rows.get(table.oid) ?? { rows: null, more: false }),
      bytes: bytes.get(table.oid) ?? 0,
      ...activityOf(table.oid, reading.activity, activity),
      key: keyOf(table) ?? null,
      references: facts.foreignKeys.filter(({ from }) => from === name).map(({ to, columns }) => ({ to, columns })),
      target: targets.get(name) ?? null,
      left: left.get(name) ?? null,
    };
  });
}
