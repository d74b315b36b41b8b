import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import { failpoint } from '../../../platform/failpoint.js';
import {
  type Applied,
  addApplied,
  type Batch,
  type CheckpointStep,
  type CommitPoint,
  countApplied,
  type EverywhereStep,
  type LetterStep,
  type News,
  type Progress,
  type Step,
  type TableStep,
} from '../batch.js';
import { type Letter, letterOf, type Origin } from '../letter.js';
import type { SharedEvent } from './barrier.js';
import type { CarefulStep, CarefulWriter } from './careful-writer.js';
import type { Claim } from './checkpoint.js';
import { insertLetters, isSetAside, readStanding } from './dead-letters.js';
import { inOneFlight } from './in-one-flight.js';
import { type Planned, planStep } from './planned.js';
import { isSmall, type StepWriter } from './step-writer.js';
import { recordVersion } from './table-state.js';
import type { TwoWay } from './two-way.js';

/** An event of every partition was set aside: what has been read behind it may have to follow, and is read again. */
export class StandingChanged extends Error {}

/** What a writer moves on with the rows that it writes. */
export interface WritePlace {
  /** In the rows' transaction, with one statement. */
  advance(progress: Progress, applied: Applied): Promise<void>;
  /** @returns whether it is ours to do what an event says that every partition has. */
  pass(event: SharedEvent): Promise<boolean>;
}

/**
 * Writes batches to the target: rows and checkpoint in one transaction. A source transaction that is larger than a
 * batch is written on in an open target transaction and ends with the batch that has its commit.
 */
export class TargetWriter {
  readonly #target: pg.Client;
  readonly #claim: Claim;
  readonly #place: WritePlace;
  readonly #steps: StepWriter;
  /** Of batches that do not fold: sets aside what is refused. */
  readonly #careful: CarefulWriter | undefined;
  /** Where applications write to the target, too. */
  readonly #twoWay: TwoWay | undefined;
  /** Of the open transaction. */
  readonly #applied: Applied = new Map();
  #isOpen = false;
  /** What was being written last: what an error is about. */
  step: Step | undefined;
  /** The target was asked to commit: an error is about some change of the transaction. */
  isCommitting = false;

  constructor(
    target: pg.Client,
    claim: Claim,
    {
      steps,
      place,
      careful,
      twoWay,
    }: {
      steps: StepWriter;
      place: WritePlace;
      careful?: CarefulWriter | undefined;
      twoWay?: TwoWay | undefined;
    },
  ) {
    this.#target = target;
    this.#claim = claim;
    this.#place = place;
    this.#steps = steps;
    this.#careful = careful;
    this.#twoWay = twoWay;
  }

  /** @throws the database's error, after which the transaction is rolled back and the writer of no more use. */
  async write(batch: Batch): Promise<void> {
    if (!this.#careful && !this.#twoWay && batch.steps.every(isSmall))
      return this.#writeAtOnce(batch, batch.steps.flatMap(planStep));
    await this.#begin();
    for (const run of runsOf(batch.steps)) {
      if (Array.isArray(run)) await this.#run(run, batch.origins);
      else if (run.kind === 'everywhere') await this.#everywhere(run);
      else await this.#checkpoint(run);
    }
    this.step = undefined;
    const { progress, applied, news } = batch.rest;
    await this.#record(news);
    addApplied(this.#applied, applied);
    if (!batch.isComplete) return;
    await this.#advance(progress);
  }

  async #run(steps: readonly (TableStep | LetterStep)[], origins: ReadonlyMap<TableStep, Origin>): Promise<void> {
    if (this.#careful) {
      const changes = (steps as readonly TableStep[]).map((step) => ({ step, origin: origins.get(step)! }));
      if (!this.#twoWay) return this.#carefully(changes);
      // What one has written is what the next one is judged by.
      for (const change of changes) if (await this.#isLeft(change.step)) await this.#carefully([change]);
      return;
    }
    for (const step of steps) {
      this.step = step;
      if (step.kind !== 'letter' && (await this.#isLeft(step))) await this.#steps.write(step);
    }
    const letters = steps.flatMap((step) => (step.kind === 'letter' ? [step.letter] : []));
    await insertLetters(this.#target, this.#claim, letters);
  }

  /** What an application has written later stays. */
  async #isLeft(step: TableStep): Promise<boolean> {
    return this.#twoWay?.settle(step) ?? true;
  }

  async #carefully(changes: readonly CarefulStep[]): Promise<void> {
    const careful = this.#careful!;
    try {
      await this.#setAside(await careful.write(changes));
    } finally {
      this.step = careful.step;
    }
  }

  /** Letters of changes that were counted as written when they were read. */
  async #setAside(letters: readonly Letter[]): Promise<void> {
    await insertLetters(this.#target, this.#claim, letters);
    for (const { shapes } of letters) {
      for (const shape of shapes) countApplied(this.#applied, shape, { count: -1, deadLettered: 1 });
    }
  }

  /** Few changes, as nearly always under no load: everything but the commit in one round trip. */
  async #writeAtOnce(batch: Batch, planned: readonly Planned[]): Promise<void> {
    const { progress, applied, news } = batch.rest;
    addApplied(this.#applied, applied);
    const begin = this.#isOpen ? 0 : 1;
    const answers = await inOneFlight(this.#target, () => [
      ...(this.#isOpen ? [] : [this.#target.query('BEGIN')]),
      ...planned.map((one) => this.#steps.send(one)),
      ...(batch.isComplete ? [this.#place.advance(progress, this.#applied)] : []),
    ]);
    this.#isOpen = true;
    for (const [i, answer] of answers.entries()) {
      const one = planned[i - begin];
      this.step = one?.step;
      if (answer.status === 'rejected') throw answer.reason;
      if (one) this.#steps.refuseMissing(one, (answer.value as pg.QueryResult).rowCount);
    }
    this.step = undefined;
    await this.#record(news);
    if (!batch.isComplete) return;
    await this.#commit();
    this.#applied.clear();
  }

  /** Ends the transaction with its checkpoint. */
  async #advance(progress: Progress): Promise<void> {
    await this.#twoWay?.past(progress.commitTime);
    await this.#place.advance(progress, this.#applied);
    await this.#commit();
    this.#applied.clear();
    await this.#twoWay?.prune();
  }

  async #begin(): Promise<void> {
    if (!this.#isOpen) await this.#target.query(this.#twoWay?.begin ?? 'BEGIN');
    this.#isOpen = true;
  }

  async #checkpoint({ progress, applied, news }: CommitPoint): Promise<void> {
    await this.#record(news);
    addApplied(this.#applied, applied);
    await this.#advance(progress);
    await this.#begin();
  }

  /** Comes behind a checkpoint: what it waits for must not wait for a transaction of ours. */
  async #everywhere({ step, origin, ...point }: EverywhereStep): Promise<void> {
    this.step = step;
    await this.#commit();
    const letter = letterOf(step, origin);
    const sources = letter.shapes.map(({ source }) => source);
    const isOurs = await this.#place.pass({ position: point.progress.position, sources });
    await this.#begin();
    if (isOurs) {
      // Of every partition: what stands in another one holds this event up, too.
      const standing = await readStanding(this.#target, this.#claim);
      if (standing.holds(letter)) await this.#setAside([letter]);
      else if (this.#careful) await this.#carefully([{ step, origin }]);
      else await this.#steps.write(step);
    }
    const mustReadAgain = await isSetAside(this.#target, this.#claim, point.progress.position);
    // The others wait for the first one's.
    await this.#checkpoint(point);
    if (mustReadAgain) throw new StandingChanged();
  }

  async #record({ versions, copied }: News): Promise<void> {
    for (const seen of versions) await recordVersion(this.#target, this.#claim, seen);
    for (const table of copied) {
      await this.#target.query(
        `INSERT INTO ferry.table_state (pipeline, source_table, partition, copied) VALUES ($1, $2, $3, true)
         ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET copied = true`,
        [this.#claim.pipeline, table, this.#claim.at.partition],
      );
      this.#steps.copied.add(table);
    }
  }

  async #commit(): Promise<void> {
    await failpoint('apply.written');
    this.isCommitting = true;
    const { command } = await this.#target.query('COMMIT');
    this.isCommitting = false;
    // The server answers a COMMIT of a failed transaction with ROLLBACK, and the driver calls that success.
    if (command !== 'COMMIT') throw new FerryError('apply-failed', 'the target rolled the transaction back');
    this.#isOpen = false;
    await failpoint('apply.committed');
  }
}

type Run = (TableStep | LetterStep)[] | CheckpointStep | EverywhereStep;

/** Steps that are written in one go, and between them those that end a transaction. */
function runsOf(steps: readonly Step[]): Run[] {
  const runs: Run[] = [];
  let open: (TableStep | LetterStep)[] | undefined;
  for (const step of steps) {
    if (step.kind === 'checkpoint' || step.kind === 'everywhere') {
      runs.push(step);
      open = undefined;
    } else if (open) {
      open.push(step);
    } else {
      open = [step];
      runs.push(open);
    }
  }
  return runs;
}
