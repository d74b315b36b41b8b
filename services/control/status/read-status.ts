import type { ClientBase } from 'pg';
import { toFerryError } from '../../../core/errors.js';
import { parseLsn } from '../../../core/lsn.js';
import { domainSchemas, formatPlace, routeName, type TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { ServiceName } from '../../../core/service-report.js';
import { CAPTURE_STATE, type CaptureState, type TableSnapshotState } from '../../../core/stage-state.js';
import { ofPartition, partitionsOf, type TopicPartition, topicsOf } from '../../../core/topics.js';
import {
  readAppliedPoints,
  readCopiedSources,
  readStoppedTables,
  type StoppedTable,
} from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { isFinished, Journal, readServing } from '../cutover/journal.js';
import { readCoordinator } from '../cutover/lock.js';
import { readOpenReplay } from '../replay/journal.js';
import { readRollout } from '../rollout/rollout.js';
import { furthestAhead, furthestBehind, lagOf, type SourceNow } from './lag.js';
import {
  nextSteps,
  type OpenCutover,
  type OpenReplay,
  type Phase,
  type PipelineStatus,
  type ServiceStatus,
  type TableStatus,
} from './pipeline-status.js';
import { readLedger } from './read-ledger.js';
import { readReports } from './read-reports.js';
import { serviceStatus, unknownService } from './service-status.js';
import { type DomainEnd, domainEnd, endOf, type Reached } from './stage-end.js';
import { readUnmappedTables } from './unmapped-tables.js';

/** What status asks; a side that cannot be reached is given as the error of trying. */
export interface StatusSources {
  readonly log: EventLog | Error;
  readonly source: ClientBase | Error;
  readonly target: ClientBase | Error;
}

/** Reads the pipeline's status. What cannot be read is unknown, with the reason among the errors; it never throws. */
export async function readStatus(pipeline: LoadedPipeline, sources: StatusSources): Promise<PipelineStatus> {
  const errors: string[] = [];
  const ask = async <T, V>(side: T | Error, question: (side: T) => Promise<V>): Promise<V | undefined> => {
    if (side instanceof Error) {
      if (!errors.includes(side.message)) errors.push(side.message);
      return undefined;
    }
    return question(side).catch((error: unknown) => {
      const { message } = toFerryError(error);
      if (!errors.includes(message)) errors.push(message);
      return undefined;
    });
  };
  const { log, source, target } = sources;
  const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
  const { partitions } = pipeline.log;
  const domains = partitionsOf(domainSchemas(pipeline.tables).map(topics.domain), partitions);
  const [now, rawEnds, ends] = await Promise.all([
    ask(source, readSourceNow),
    ask(log, (open) => Promise.all(partitionsOf([topics.raw], partitions).map((at) => endOf(open, at)))),
    ask(log, (open) => Promise.all(domains.map((at) => domainEnd(open, at)))),
  ]);
  // Capture appends to all partitions at once, and transform to one partition of all domains, so the end that is
  // furthest ahead tells how far it is: a quiet one hears of the source's progress with the next heartbeat only.
  const captured = furthestAhead(rawEnds ?? []);
  const perPartition = Array.from({ length: partitions }, (_, partition) =>
    furthestAhead((ends ?? []).filter((end) => end.partition === partition).map((end) => end.reached)),
  );
  const transformed = furthestBehind(perPartition);
  const applied = await ask(target, (client) => readTarget(client, pipeline, { domains, ends, perPartition }));
  const logged = await ask(log, async (open) => ({
    capture: (await open.control.get(CAPTURE_STATE)) as CaptureState | undefined,
  }));
  const services = (await ask(log, readServices)) ?? SERVICES.map(unknownService);
  const ledger =
    (await ask(log, (open) => readLedger(pipeline, open, target instanceof Error || !applied ? undefined : target))) ??
    null;
  const known = Object.values(logged?.capture?.tables ?? {}).flatMap((table) => table.oid ?? []);
  const unmapped = (await ask(source, (client) => readUnmappedTables(client, pipeline.tables, known))) ?? null;
  const isKnown = { log: logged !== undefined, target: applied !== undefined };
  const tables = tableStatuses(pipeline, isKnown, logged?.capture, applied);
  const endToEnd = lagOf(now, applied?.reached);
  const status = {
    pipeline: pipeline.name,
    at: new Date().toISOString(),
    phase: phaseOf(applied, tables, isKnown.log ? captured !== undefined : undefined),
    serving: applied?.serving ?? null,
    openCutover: applied?.openCutover ?? null,
    openReplay: applied?.openReplay ?? null,
    rolloutPercent: applied?.rolloutPercent ?? null,
    lag: { ...endToEnd, captured: lagOf(now, captured), transformed: lagOf(now, transformed), applied: endToEnd },
    tables,
    unmapped,
    services,
    ledger,
    errors: [
      ...errors,
      ...tables.flatMap(({ stopped }) => (stopped ? [stopped.message] : [])),
      ...services.flatMap(errorsOf),
    ],
  };
  return { ...status, nextSteps: nextSteps(status, { config: pipeline.directory, isLogKnown: isKnown.log }) };
}

async function readSourceNow(source: ClientBase): Promise<SourceNow> {
  // A standby does not write WAL; what it has replayed is what it can send.
  const { rows } = await source.query<{ lsn: string; now: string }>(
    `SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                 ELSE pg_catalog.pg_current_wal_lsn() END AS lsn,
            extract(epoch FROM clock_timestamp()) * 1000 AS now`,
  );
  return { lsn: parseLsn(rows[0]!.lsn), time: Number(rows[0]!.now) };
}

interface TargetView {
  readonly reached: Reached | undefined;
  readonly copied: ReadonlySet<string>;
  readonly stopped: readonly StoppedTable[];
  readonly serving: 'source' | 'target';
  readonly isFinished: boolean;
  readonly openCutover: OpenCutover | null;
  readonly openReplay: OpenReplay | null;
  readonly rolloutPercent: number;
}

/** @returns undefined before apply's first start, when the target has no `ferry` schema. */
async function readTarget(
  target: ClientBase,
  { name: pipeline, log: { partitions } }: LoadedPipeline,
  log: {
    domains: readonly TopicPartition[];
    ends: readonly DomainEnd[] | undefined;
    /** How far transform is. */
    perPartition: readonly (Reached | undefined)[];
  },
): Promise<TargetView | undefined> {
  const { rows: found } = await target.query<{ there: string }>(
    "SELECT to_regclass('ferry.cutover_run') IS NOT NULL AS there",
  );
  if (found[0]!.there !== 't') return undefined;
  const points = await readAppliedPoints(target, pipeline);
  const copied = await readCopiedSources(target, pipeline, partitions);
  return {
    reached: furthestBehind(
      log.domains.map((at) => {
        const point = ofPartition(points, at);
        if (!point || point.commitEnd === 0n) return undefined;
        // Who has read a domain to its end has all that transform has.
        const end = log.ends && ofPartition(log.ends, at);
        const isAtEnd = end !== undefined && point.nextOffset >= end.next;
        return isAtEnd ? log.perPartition[at.partition] : { through: point.commitEnd, time: point.commitTime };
      }),
    ),
    copied,
    stopped: await readStoppedTables(target, pipeline),
    serving: await readServing(target, pipeline),
    isFinished: await isFinished(target, pipeline),
    openCutover: await readOpenCutover(target, pipeline),
    openReplay: await readReplay(target, pipeline),
    rolloutPercent: (await readRollout(target, pipeline)).percent,
  };
}

async function readOpenCutover(target: ClientBase, pipeline: string): Promise<OpenCutover | null> {
  const journal = await Journal.open(target, pipeline);
  if (!journal) return null;
  const { direction, startedAt, startedBy } = journal.run;
  const lastStep = (await journal.entries()).at(-1)?.step ?? null;
  return {
    direction,
    startedAt,
    startedBy,
    lastStep,
    isRunning: (await readCoordinator(target, pipeline)) !== undefined,
  };
}

async function readReplay(target: ClientBase, pipeline: string): Promise<OpenReplay | null> {
  const open = await readOpenReplay(target, pipeline);
  if (!open) return null;
  const { startedAt, scope } = open;
  const isRunning = (await readCoordinator(target, pipeline)) !== undefined;
  return { startedAt, tables: scope.tables ?? null, isRunning };
}

const SERVICES: readonly ServiceName[] = ['capture', 'transform', 'apply', 'control'];

async function readServices(log: EventLog): Promise<ServiceStatus[]> {
  const reports = await readReports(log);
  const now = Date.now();
  return SERVICES.map((service) => serviceStatus(service, reports, now));
}

function errorsOf({ service, error, parts }: ServiceStatus): string[] {
  const messages = [...(error ? [error.message] : []), ...(parts ?? []).map((part) => part.error.message)];
  return [...new Set(messages)].map((message) => `${service}: ${message}`);
}

function tableStatuses(
  pipeline: LoadedPipeline,
  isKnown: { readonly log: boolean; readonly target: boolean },
  capture: CaptureState | undefined,
  applied: TargetView | undefined,
): TableStatus[] {
  return pipeline.tables.map((mapping) => {
    const source = displayName(mapping.source);
    const snapshot = capture?.tables[source];
    const gone = snapshot?.gone && goneReason(mapping, snapshot.gone);
    const route = routeName(mapping);
    const stops = applied?.stopped.filter((table) => table.source === route) ?? [];
    const stop = stops.find((table) => table.reason) ?? stops[0];
    return {
      source,
      target: displayName(mapping.target),
      state:
        stop?.state ??
        (gone ? 'halted' : undefined) ??
        tableState(snapshot, applied?.copied.has(route) === true, isKnown),
      stopped: stop?.reason ?? gone ?? null,
      rows: snapshot?.rows ?? 0,
      estimate: snapshot?.estimate ?? null,
    };
  });
}

function goneReason(
  { source, target, place }: TableMapping,
  gone: 'dropped' | 'recreated',
): { message: string; remedy: string } {
  const name = displayName(source);
  return {
    message: `the source table ${name} was ${gone}; what it had until then is in the target`,
    remedy:
      gone === 'dropped'
        ? `Take it out of the pipeline: ferry table remove ${name} (${formatPlace(place)}).`
        : `Take the new one: ferry table remove ${name}, then ferry table add ${name} --to ${displayName(target)} --empty.`,
  };
}

function tableState(
  snapshot: TableSnapshotState | undefined,
  isCopied: boolean,
  isKnown: { readonly log: boolean; readonly target: boolean },
): TableStatus['state'] {
  if (isCopied && (snapshot?.done || !isKnown.log)) return 'streaming';
  // A table whose snapshot is in the log to its end may be in the target, too.
  if (!isKnown.log || (snapshot?.done && !isKnown.target)) return 'unknown';
  return snapshot?.rows || snapshot?.done ? 'copying' : 'waiting';
}

const STANDS: ReadonlySet<TableStatus['state']> = new Set(['paused', 'halted', 'catching-up']);

/** @param hasLog the log has something; undefined when it cannot be read. */
function phaseOf(applied: TargetView | undefined, tables: readonly TableStatus[], hasLog: boolean | undefined): Phase {
  if (applied?.serving === 'target') return applied.isFinished ? 'finished' : 'cut-over';
  if (applied && tables.every((table) => table.state === 'streaming' || STANDS.has(table.state))) return 'streaming';
  if (hasLog === false) return 'not-started';
  return applied && hasLog ? 'snapshot' : 'unknown';
}
