import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { schemaPolicy } from '../../core/config/pipeline.js';
import { type ErrorCode, FerryError } from '../../core/errors.js';
import { domainSchemas } from '../../core/mapping.js';
import { formatPosition, type Position } from '../../core/position.js';
import { partitionName, topicsOf } from '../../core/topics.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import type { TopicPartition } from '../../platform/event-log/port.js';
import { classify, connect, describeUrl } from '../../platform/postgres.js';
import type { ServiceContext } from '../../platform/service.js';
import { runTargetScript } from '../../platform/target-scripts.js';
import { type Claim, claimCheckpoint, type Ownership, ownership } from './adapters/checkpoint.js';
import { applyOneByOne, applyPartition, BatchFailed, type PartitionOptions } from './apply-partition.js';
import { catchUpTables } from './catch-up.js';
import { settleChange } from './settle-change.js';
import { ChangeDue } from './table-gate.js';

/** Apply: domain topics -> target, each domain schema on its own. Begun again, it goes on at the target's checkpoints. */
export async function apply(context: ServiceContext): Promise<void> {
  const { pipeline, log, logger, signal } = context;
  const topics = topicsOf(pipeline.name);
  const schemas = domainSchemas(pipeline.tables);
  const { partitions } = pipeline.log;
  const bySchema = new Map(schemas.map((schema) => [topics.domain(schema), schema]));
  const specs = [...bySchema.keys()].map((topic) => ({ topic, partitions }));
  await log.createTopics(specs);
  await prepareTarget(context);
  logger.info({ domains: schemas.length }, 'applying');
  context.running();
  await log.share({ group: `${pipeline.name}.apply`, topics: specs, signal }, (at, granted) =>
    applyDomain({ ...context, signal: granted }, bySchema.get(at.topic)!, at),
  );
}

async function prepareTarget({ pipeline, logger }: ServiceContext): Promise<void> {
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry apply' });
  try {
    await ensureControlSchema(target);
    const outcome = await runTargetScript(target, pipeline, 'before-copy');
    if (outcome === 'done') logger.info('target/before-copy.sql was run on the target');
  } catch (error) {
    throw classify('target', error, `preparing the target ${describeUrl(pipeline.target.url)}`);
  } finally {
    await target.end().catch(() => {});
  }
}

async function applyDomain(context: ServiceContext, schema: string, at: TopicPartition): Promise<void> {
  const waits = new WaitsForOthers(context.pipeline.log.partitions);
  for (let careful: number | undefined; !context.signal.aborted; ) {
    const target = await openTarget(context, schema);
    let claim: Claim | undefined;
    try {
      const taken = await claimCheckpoint(target, context.pipeline.name, at, `${hostname()}:${process.pid}`);
      claim = taken;
      waits.startsAt(claim.progress.position);
      const options: PartitionOptions = {
        ...context,
        target,
        claim: taken,
        schema,
        mappings: context.pipeline.tables,
        batchMaxBytes: context.pipeline.apply.batchMaxBytes,
        partitions: context.pipeline.log.partitions,
        policy: (source) => schemaPolicy(context.pipeline, source),
        stillOurs: () => refuseTaken(target, taken),
      };
      await catchUpTables(options);
      if (careful !== undefined) {
        await applyOneByOne(options, careful);
        careful = undefined;
      } else {
        await applyPartition(options);
      }
    } catch (failure) {
      const error = failure instanceof ChangeDue && claim ? await settled(target, claim, failure, context) : failure;
      if (error === undefined) continue;
      const reason = error instanceof BatchFailed ? error.reason : classifyFailure(context, schema, error);
      if (error instanceof BatchFailed && waits.mayPass(reason)) {
        careful ??= error.end;
        await sleep(OTHERS_AGAIN_MS, undefined, { signal: context.signal }).catch(() => {});
      } else {
        careful = await reactTo(context, reason, claim, careful, error instanceof BatchFailed ? error.end : undefined);
      }
    } finally {
      await target.end().catch(() => {});
    }
  }
}

/** @returns what settling it failed with. */
function settled(target: pg.Client, claim: Claim, change: ChangeDue, { logger }: ServiceContext): Promise<unknown> {
  return settleChange(target, claim, change, logger).then(
    () => undefined,
    (error: unknown) => error,
  );
}

function classifyFailure({ pipeline }: ServiceContext, schema: string, error: unknown): FerryError {
  return classify('target', error, `applying to the schema ${schema} of ${describeUrl(pipeline.target.url)}`);
}

const OTHERS_AGAIN_MS = 100;
/** Another partition that is this far behind does not come any more. */
const OTHERS_WITHIN_MS = 60_000;

/**
 * With several partitions a row may come before the one in another partition that makes room for it: a unique value that
 * passes from row to row, a parent of a foreign key. Then the other one is waited for.
 */
class WaitsForOthers {
  readonly #partitions: number;
  #stands: { readonly at: string; readonly since: number } | undefined;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  startsAt(position: Position): void {
    const at = formatPosition(position);
    if (this.#stands?.at !== at) this.#stands = { at, since: performance.now() };
  }

  /** False once nothing has moved for long: then it is what the error says. */
  mayPass({ code, details }: FerryError): boolean {
    if (this.#partitions === 1) return false;
    if (code !== 'transient-sql' && !OTHERS_ROWS.has(String(details.sqlstate))) return false;
    return performance.now() - this.#stands!.since < OTHERS_WITHIN_MS;
  }
}

/** Unique and foreign key violations. */
const OTHERS_ROWS: ReadonlySet<string> = new Set(['23505', '23503']);

/**
 * What follows on a failure: once more change by change when the target refused a batch, from the reset checkpoint
 * after a replay, and up to whoever runs us otherwise.
 * @param end offset behind the batch that failed; undefined for another failure.
 * @returns the offset up to which changes are applied one by one.
 */
async function reactTo(
  context: ServiceContext,
  reason: FerryError,
  claim: Claim | undefined,
  careful: number | undefined,
  end: number | undefined,
): Promise<number | undefined> {
  if (claim && MAY_BE_TAKEN.has(reason.code)) {
    const owner = await readOwnership(context, claim).catch(() => undefined);
    if (owner === 'nobody') {
      context.logger.info(claim.at, 'an operator took the checkpoint back; going on from where it stands');
      return undefined;
    }
    if (owner === 'another') throw replaced(context, claim, reason);
  }
  if (end === undefined || reason.code !== 'apply-failed' || careful !== undefined) throw reason;
  context.logger.warn({ ...claim?.at, ...reason.details }, 'a batch was refused; applying it change by change');
  return end;
}

/** What is met where another has taken the partition over, or a replay has emptied the tables under a batch. */
const MAY_BE_TAKEN: ReadonlySet<ErrorCode> = new Set(['checkpoint-fenced', 'target-unreachable', 'apply-failed']);

/** Who takes a partition over ends our session: the error is that of a lost connection then. */
function replaced({ logger }: ServiceContext, { at }: Claim, reason: FerryError): FerryError {
  const error =
    reason.code === 'checkpoint-fenced'
      ? reason
      : new FerryError('checkpoint-fenced', `${partitionName(at)}: this instance was replaced`, { details: { ...at } });
  logger.warn({ ...at, code: error.code }, 'another instance has taken this partition over');
  return error;
}

/** @throws FerryError `checkpoint-fenced` when the partition is another's, or was taken back by an operator. */
async function refuseTaken(target: pg.Client, claim: Claim): Promise<void> {
  if ((await ownership(target, claim)) === 'ours') return;
  throw new FerryError('checkpoint-fenced', `${partitionName(claim.at)}: taken back`, { details: { ...claim.at } });
}

async function readOwnership(context: ServiceContext, claim: Claim): Promise<Ownership> {
  const target = await openTarget(context, claim.at.topic);
  try {
    return await ownership(target, claim);
  } finally {
    await target.end().catch(() => {});
  }
}

async function openTarget({ pipeline, logger }: ServiceContext, schema: string): Promise<pg.Client> {
  const target = await connect('target', pipeline.target.url, {
    applicationName: `ferry apply ${schema}`,
    // A commit that the target forgets in a crash is forgotten with its checkpoint, and comes again from the log.
    settings: { synchronous_commit: 'off' },
  });
  try {
    await target.query("SET session_replication_role = 'replica'");
  } catch {
    logger.warn(
      { schema },
      'the role may not set session_replication_role: foreign keys and triggers of the target fire',
    );
  }
  return target;
}
