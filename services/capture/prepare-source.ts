import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import { formatPlace, oncePerSource, routesOf, type TableMapping } from '../../core/mapping.js';
import { partitionGroups } from '../../core/partition-groups.js';
import { displayName } from '../../core/relation.js';
import type { TableSnapshotState } from '../../core/stage-state.js';
import type { ServiceContext } from '../../platform/service.js';
import { cancelQuery } from './adapters/cancel-query.js';
import { ensurePublication } from './adapters/publication.js';
import { ensureSlot } from './adapters/slot.js';
import { readTableNames, readTableOids } from './adapters/source-catalog.js';
import type { Recovered } from './recover.js';
import { followRenames, ofMapped, type ResolvedTable, resolveTables } from './resolve-tables.js';
import type { TablePlan } from './snapshot/chunk.js';
import { narrowedTo, readMappedPlan } from './snapshot/table-plan.js';

export interface FoundTables {
  readonly here: readonly Extract<ResolvedTable, { kind: 'here' }>[];
  readonly states: Map<string, TableSnapshotState>;
}

/** Finds the mapped tables, under whatever name they have now. */
export async function findTables(
  source: pg.Client,
  context: ServiceContext,
  recovered: Recovered,
): Promise<FoundTables> {
  const mappings = oncePerSource(context.pipeline.tables);
  const known = [...recovered.tables.values()].flatMap((state) => state.oid ?? []);
  const now = {
    oids: await readTableOids(
      source,
      mappings.map((mapping) => mapping.source),
    ),
    names: await readTableNames(source, known),
  };
  const states = ofMapped(mappings, followRenames(mappings, now, recovered.tables));
  const resolved = resolveTables(mappings, now, states);
  for (const table of resolved) {
    const name = displayName(table.mapping.source);
    const state = states.get(name);
    if (table.kind === 'gone') {
      states.set(name, { ...state!, gone: table.why });
      context.logger.error({ table: name }, `the source table ${name} was ${table.why}; nothing of it is captured`);
    }
  }
  return { here: resolved.filter((table) => table.kind === 'here'), states };
}

/** One more name for a table that the source has renamed. */
function underMapping(plan: TablePlan, mapping: TableMapping): TablePlan {
  const [source, called] = [displayName(mapping.source), displayName(plan.relation)];
  return source === called ? plan : { ...plan, relation: { ...plan.relation, source, called } };
}

function inGroup(plan: TablePlan, group: string | undefined): TablePlan {
  return group === undefined ? plan : { ...plan, partitionKey: [], group };
}

/**
 * What the log has of a table stands in the partition of its rows' keys, or of its group: placed otherwise from now on, a
 * row's changes would be in two.
 */
function refuseRegrouped(
  { group }: TablePlan,
  { source, place }: TableMapping,
  {
    state,
    pipeline,
  }: { readonly state: TableSnapshotState | undefined; readonly pipeline: ServiceContext['pipeline'] },
): void {
  // The group is put down with the OID.
  const isBegun = state?.oid !== undefined && (state.done || state.rows > 0);
  if (pipeline.log.partitions === 1 || !isBegun || state!.group === group) return;
  throw new FerryError(
    'mapping-invalid',
    `${formatPlace(place)}: rows of ${displayName(source)} are placed otherwise than before (\`merge\`, \`join\` or \`partitions\` ` +
      `has changed), and log.partitions is ${pipeline.log.partitions}: the log has them in other partitions`,
    { remedy: 'Write the mapping as it was, or begin anew: ferry resync.' },
  );
}

export async function prepareSource(
  source: pg.Client,
  { pipeline, logger, signal }: ServiceContext,
  name: string,
  found: FoundTables,
  recovered: Recovered,
): Promise<TablePlan[]> {
  const { rows } = await source.query<{ wal_level: string }>('SHOW wal_level');
  if (rows[0]!.wal_level !== 'logical') {
    throw new FerryError('wal-level', `the source's wal_level is ${rows[0]!.wal_level}, not logical`);
  }
  const tables = found.here.map(({ called }) => called);
  const plans: TablePlan[] = [];
  const groups = partitionGroups(pipeline.tables);
  for (const { mapping, called } of found.here) {
    const routes = routesOf(pipeline.tables, mapping).map((route) => ({ ...route, source: called }));
    const plan = inGroup(await readMappedPlan(source, called, routes), groups.get(displayName(mapping.source)));
    refuseRegrouped(plan, mapping, { state: found.states.get(displayName(mapping.source)), pipeline });
    plans.push(underMapping(plan, mapping));
  }
  const published = await ensurePublication(source, name, tables);
  await whileSaid(
    () => ensureSlot(source, name, recovered.loggedThrough),
    () => logger.warn({ slot: name }, 'creating the slot waits for transactions that are open on the source'),
    // A session that waits does not notice that its client is gone.
    () =>
      void cancelQuery(pipeline.source.url, source).catch((error: unknown) =>
        logger.debug({ err: error }, 'not cancelled'),
      ),
    signal,
  );
  logger.info({ slot: name, tables: tables.length, resumeAt: recovered.nextOffsets }, 'capturing');
  return plans.map((plan) => narrowedTo(plan, published.get(plan.relation.called ?? displayName(plan.relation))!));
}

const SAY_AFTER_MS = 3_000;

/** Says that something takes long, and cancels it when the service stops. */
async function whileSaid(
  work: () => Promise<void>,
  say: () => void,
  cancel: () => void,
  signal: AbortSignal,
): Promise<void> {
  const timer = setTimeout(say, SAY_AFTER_MS);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await work();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}
