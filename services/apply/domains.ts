import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { schemaPolicy } from '../../core/config/pipeline.js';
import { type ErrorCode, FerryError, reactionTo } from '../../core/errors.js';
import { partitionName } from '../../core/topics.js';
import { Backoff, RETRY } from '../../platform/backoff.js';
import type { TopicPartition } from '../../platform/event-log/port.js';
import { classify, describeUrl, endSession } from '../../platform/postgres.js';
import type { ServiceContext } from '../../platform/service.js';
import type { ServicePart } from '../../platform/service-state.js';
import { TableStandsElsewhere } from './adapters/barrier.js';
import {
  areOthersBehind,
  type Claim,
  claimCheckpoint,
  type Ownership,
  ownership,
  readProgress,
} from './adapters/checkpoint.js';
import { prepareLineage } from './adapters/lineage-tables.js';
import { haltTable } from './adapters/table-state.js';
import { StandingChanged } from './adapters/target-writer.js';
import { TwoWay } from './adapters/two-way.js';
import { applyAhead } from './apply-ahead.js';
import { applyOneByOne, applyPartition, BatchFailed, type PartitionOptions } from './apply-partition.js';
import { beginSnapshot } from './begin-snapshot.js';
import { type CatchUpOptions, catchUpTables } from './catch-up.js';
import { settleChange } from './settle-change.js';
import { SnapshotDue } from './snapshot-due.js';
import { ChangeDue } from './table-gate.js';
import { openTarget } from './target-session.js';
import { Turn } from './turn.js';
import { OTHERS_AGAIN_MS, WaitsForOthers } from './waits-for-others.js';

/** What a halted partition waits for is done by a person: it is tried again slowly. */
const HALTED_AGAIN_MS = 5_000;

/** What it works with; who runs it need not be a service. */
export type ApplyContext = Pick<ServiceContext, 'pipeline' | 'log' | 'logger' | 'signal' | 'passed' | 'part'>;

/** The partitions that this process applies, each on its own: one that stands still does not stop the others. */
export class Domains {
  readonly #held = new Set<string>();
  readonly #halted = new Set<string>();

  /**
   * Applies one partition until the signal fires.
   * @throws FerryError when another instance has taken it over, when the log fails, or when no partition of this
   *   process is left that does not need the operator.
   */
  async apply(context: ApplyContext, schema: string, at: TopicPartition): Promise<void> {
    const name = partitionName(at);
    const part = context.part(name);
    this.#held.add(name);
    const halts = (isHalted: boolean) => {
      if (isHalted) this.#halted.add(name);
      else this.#halted.delete(name);
      return this.#halted.size === this.#held.size;
    };
    try {
      const domain = new Domain(context, schema, at, { part, halts });
      while (!context.signal.aborted) await domain.attempt();
    } finally {
      this.#held.delete(name);
      this.#halted.delete(name);
      part.ended();
    }
  }
}

interface Standing {
  readonly part: ServicePart;
  /** @returns true when all partitions of this process have halted. */
  halts(isHalted: boolean): boolean;
}

/** Errors that are not this partition's alone. */
const OF_THE_SERVICE: ReadonlySet<ErrorCode> = new Set(['checkpoint-fenced', 'log-unreachable', 'log-full']);

/** Errors that are over once a checkpoint is claimed; others may come again with the next batch. */
const OF_THE_CONNECTION: ReadonlySet<ErrorCode> = new Set(['target-unreachable', 'auth-failed', 'server-read-only']);

/** What is met where another has taken the partition over, or a replay has emptied the tables under a batch. */
const MAY_BE_TAKEN: ReadonlySet<ErrorCode> = new Set(['checkpoint-fenced', 'target-unreachable', 'apply-failed']);

/** @throws FerryError `checkpoint-fenced` when the partition is another's, or was taken back by an operator. */
async function refuseTaken(target: pg.Client, claim: Claim): Promise<void> {
  if ((await ownership(target, claim)) === 'ours') return;
  throw new FerryError('checkpoint-fenced', `${partitionName(claim.at)}: taken back`, { details: { ...claim.at } });
}

/** A table that catches up and the others take turns, so that neither waits for all of the other's. */
const CATCH_UP_MS = 1_500;
const OTHERS_MS = 750;

/** One partition: attempts, each with a session of its own, and what follows on the error that ended one. */
class Domain {
  readonly #context: ApplyContext;
  readonly #schema: string;
  readonly #at: TopicPartition;
  readonly #standing: Standing;
  readonly #waits: WaitsForOthers;
  readonly #backoff = new Backoff(RETRY);
  readonly #catchingUp = new Turn(CATCH_UP_MS);
  readonly #others = new Turn(OTHERS_MS);
  /** By source table that catches up: what it waits with. */
  readonly #waitsOf = new Map<string, WaitsForOthers>();
  /** Offset up to which changes are applied one by one: a batch was refused. */
  #careful: number | undefined;
  /** One of them is refused, and no partition is behind: all that there is is tried as one batch. */
  #goesAhead = false;
  /** Constraints of which was said that values pass between partitions. */
  readonly #passing = new Set<unknown>();
  /** What it waits after, until a batch is written. */
  #stands: ErrorCode | undefined;

  constructor(context: ApplyContext, schema: string, at: TopicPartition, standing: Standing) {
    this.#context = context;
    this.#schema = schema;
    this.#at = at;
    this.#standing = standing;
    this.#waits = new WaitsForOthers(context.pipeline.log.partitions);
  }

  /** From the target's checkpoint until the signal fires or something fails; waits then, where it is tried again. */
  async attempt(): Promise<void> {
    let target: pg.Client | undefined;
    let claim: Claim | undefined;
    try {
      target = await openTarget(this.#context, this.#schema);
      const { name, mappingVersion } = this.#context.pipeline;
      claim = await claimCheckpoint(target, name, this.#at, `${hostname()}:${process.pid}`, mappingVersion);
      this.#waits.startsAt(claim.progress.position);
      await prepareLineage(target, this.#schema, this.#context.pipeline);
      if (this.#stands && OF_THE_CONNECTION.has(this.#stands)) this.#goesOn();
      await this.#apply(target, claim);
    } catch (error) {
      if (!this.#context.signal.aborted) await this.#ended(error, target, claim);
    } finally {
      if (target) await endSession(target);
    }
  }

  async #apply(target: pg.Client, claim: Claim): Promise<void> {
    const { pipeline, signal } = this.#context;
    const twoWay = await TwoWay.of(target, pipeline.name);
    const options: PartitionOptions = {
      ...this.#context,
      target,
      claim,
      schema: this.#schema,
      mappings: pipeline.tables,
      batchMaxBytes: pipeline.apply.batchMaxBytes,
      partitions: pipeline.log.partitions,
      passed: (changes) => this.#passed(changes),
      mayTake: (error, waits = this.#waits) => this.#mayTake(error, waits),
      deadLetterLimit: pipeline.apply.deadLetterLimit,
      policy: (source) => schemaPolicy(pipeline, source),
      stillOurs: () => refuseTaken(target, claim),
      twoWay,
    };
    const inTurn = (turn: AbortSignal, wrote: () => void): CatchUpOptions => {
      const passed = (changes: number) => {
        wrote();
        this.#passed(changes);
      };
      return { ...options, signal: turn, passed, waitsOf: (source) => this.#waitsWith(source) };
    };
    const haveCaughtUp = await this.#catchingUp.take(signal, (...turn) => catchUpTables(inTurn(...turn)));
    if (haveCaughtUp) return this.#applyOthers(options);
    // What they have come to is claimed anew for the next turn.
    await this.#others.take(signal, (...turn) => this.#applyOthers(inTurn(...turn)));
  }

  async #applyOthers(options: PartitionOptions): Promise<void> {
    if (this.#careful === undefined) return applyPartition(options);
    if (this.#goesAhead) {
      await applyAhead(options);
      this.#goesAhead = false;
      if (!options.signal.aborted) this.#careful = undefined;
      return;
    }
    await applyOneByOne(options, this.#careful);
    if (!options.signal.aborted) this.#careful = undefined;
  }

  #waitsWith(source: string): WaitsForOthers {
    const waits = this.#waitsOf.get(source) ?? new WaitsForOthers(this.#context.pipeline.log.partitions);
    this.#waitsOf.set(source, waits);
    return waits;
  }

  async #ended(error: unknown, target: pg.Client | undefined, claim: Claim | undefined): Promise<void> {
    const between = target && claim ? this.#betweenRuns(error, target, claim) : undefined;
    if (target && claim && error instanceof BatchFailed) await this.#lookAtOthers(error, target, claim);
    if (!between) return this.#failed(error, claim);
    await between.catch((failure: unknown) => this.#failed(failure, claim));
  }

  /** What must be done between two runs is done with the session that met it. */
  #betweenRuns(error: unknown, target: pg.Client, claim: Claim): Promise<void> | undefined {
    const { log, logger, signal, pipeline } = this.#context;
    if (error instanceof ChangeDue) return settleChange(target, claim, error, logger);
    if (error instanceof TableStandsElsewhere) return this.#halt(error, target, claim);
    if (!(error instanceof SnapshotDue)) return undefined;
    return beginSnapshot({ target, claim, log, partitions: pipeline.log.partitions, logger, signal }, error);
  }

  /** The other tables go on; this one is resumed with where it stands already. */
  async #halt({ source, reason }: TableStandsElsewhere, target: pg.Client, claim: Claim): Promise<void> {
    await target.query('ROLLBACK');
    const { nextOffset: offset, position } = await readProgress(target, claim);
    await haltTable(target, claim, source, { offset, position, reason });
    const { message, remedy } = reason;
    this.#context.logger.error({ ...claim.at, table: source, remedy }, `the table halts: ${message}`);
  }

  async #lookAtOthers({ reason, position }: BatchFailed, target: pg.Client, claim: Claim): Promise<void> {
    if (!this.#waits.isOfOthers(reason)) return;
    const { partitions } = this.#context.pipeline.log;
    try {
      await target.query('ROLLBACK');
      this.#waits.foundBehind(await areOthersBehind(target, claim, partitions, position));
    } catch {
      // Known from the look before; with the next session it is looked at again.
    }
  }

  /** What another partition may still make room for is waited for first. */
  #mayTake(error: unknown, waits: WaitsForOthers): boolean {
    if (this.#context.pipeline.apply.onRefusal !== 'dead-letter') return false;
    const { code: sqlstate } = error as { code?: string };
    return !waits.mayPass({ code: 'apply-failed', details: { sqlstate } });
  }

  #passed(changes: number): void {
    this.#context.passed(changes);
    if (this.#stands) this.#goesOn();
  }

  #goesOn(): void {
    this.#stands = undefined;
    this.#standing.part.running();
    this.#standing.halts(false);
    this.#backoff.reset();
  }

  /** Once more change by change when the target refused a batch, from the reset checkpoint after a replay; or waits. */
  async #failed(error: unknown, claim: Claim | undefined): Promise<void> {
    const { logger } = this.#context;
    const wasAhead = this.#goesAhead;
    this.#goesAhead = false;
    if (error instanceof StandingChanged) {
      this.#careful = undefined;
      return;
    }
    const end = error instanceof BatchFailed ? error.end : undefined;
    const reason = error instanceof BatchFailed ? error.reason : this.#classify(error);
    if (end !== undefined && !wasAhead && this.#waits.mayPass(reason)) {
      this.#goesAhead = this.#careful !== undefined && this.#waits.areAhead;
      this.#careful ??= end;
      this.#sayPassing(reason);
      if (this.#waits.isLong && !this.#stands) {
        this.#stands = reason.code;
        this.#standing.part.waits(reason, { state: 'retrying', forMs: OTHERS_AGAIN_MS });
        logger.warn({ ...this.#at, ...reason.details }, `${reason.message}; waiting for other partitions`);
      }
      return this.#again();
    }
    const careful = this.#careful;
    this.#careful = undefined;
    if (claim && MAY_BE_TAKEN.has(reason.code)) {
      const owner = await this.#owner(claim).catch(() => undefined);
      if (owner === 'nobody')
        return logger.info(claim.at, 'an operator took the checkpoint back; going on from where it stands');
      if (owner === 'another') throw this.#replaced(reason);
    }
    if (wasAhead && (reason.code === 'apply-failed' || reason.code === 'transient-sql')) {
      // Whatever of it was refused: the one that stands is tried again by itself.
      this.#careful = careful;
      return this.#again();
    }
    if (end !== undefined && reason.code === 'apply-failed' && careful === undefined) {
      logger.warn({ ...this.#at, ...reason.details }, 'a batch was refused; applying it change by change');
      this.#careful = end;
      return;
    }
    if (OF_THE_SERVICE.has(reason.code)) throw reason;
    await this.#wait(reason);
  }

  /** Once of each: it is how lag comes about that nothing else explains. */
  #sayPassing({ details: { table, constraint } }: FerryError): void {
    if (constraint === undefined || this.#passing.has(constraint)) return;
    this.#passing.add(constraint);
    const how = `${table}: a value of ${constraint} passes between rows of two partitions, which wait for each other`;
    this.#context.logger.info({ ...this.#at, table, constraint }, `${how}; \`partitions: 1\` keeps its rows together`);
  }

  async #again(): Promise<void> {
    await sleep(OTHERS_AGAIN_MS, undefined, { signal: this.#context.signal }).catch(() => {});
  }

  async #wait(reason: FerryError): Promise<void> {
    const { signal, logger } = this.#context;
    const isTransient = reactionTo(reason, true) === 'retry';
    const forMs = isTransient ? this.#backoff.next() : HALTED_AGAIN_MS;
    if (this.#standing.halts(!isTransient) && !isTransient) throw reason;
    this.#stands = reason.code;
    this.#standing.part.waits(reason, { state: isTransient ? 'retrying' : 'halted', forMs });
    const { code, message, remedy } = reason;
    const said = { ...this.#at, code, remedy, pauseMs: forMs };
    if (isTransient) logger.warn(said, `${message}; trying again`);
    else logger.error(said, `${message}; this partition stands still, others go on`);
    await sleep(forMs, undefined, { signal }).catch(() => {});
  }

  #classify(error: unknown): FerryError {
    const { url } = this.#context.pipeline.target;
    return classify('target', error, `applying to the schema ${this.#schema} of ${describeUrl(url)}`);
  }

  /** Who takes a partition over ends our session: the error is that of a lost connection then. */
  #replaced(reason: FerryError): FerryError {
    const said = { ...this.#at, code: 'checkpoint-fenced' };
    this.#context.logger.warn(said, 'another instance has taken this partition over');
    if (reason.code === 'checkpoint-fenced') return reason;
    return new FerryError('checkpoint-fenced', `${partitionName(this.#at)}: this instance was replaced`, {
      details: { ...this.#at },
    });
  }

  async #owner(claim: Claim): Promise<Ownership> {
    const target = await openTarget(this.#context, this.#schema);
    try {
      return await ownership(target, claim);
    } finally {
      await endSession(target);
    }
  }
}
