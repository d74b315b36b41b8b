import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatPosition } from '../../../core/position.js';
import type { RowBlock, TableStep } from '../batch.js';
import { blockOf, copyLines, copyValues, partRows } from '../copy-rows.js';
import { copiedLetter, type Letter, lettersOf, type Origin, type Place, type Refusal } from '../letter.js';
import type { StandingKeys } from '../standing-keys.js';
import { inOneFlight } from './in-one-flight.js';
import { planStep } from './planned.js';
import { isRefusal, refusalOf } from './refused-column.js';
import { isSmall, type SmallStep, type StepWriter } from './step-writer.js';

export interface CarefulOptions {
  /** What stands already; added to. */
  readonly standing: StandingKeys;
  /** Whether a change that was refused so is set aside; the error is thrown otherwise. */
  readonly mayTake: (error: unknown) => boolean;
  /** With more refused changes than this, something else is wrong than a change. */
  readonly limit: number;
  /** A statement that follows each savepoint. */
  readonly marks?: string | undefined;
}

/** A step that is one change, and where it comes from. */
export interface CarefulStep {
  readonly step: TableStep;
  readonly origin: Origin;
}

type SmallChange = CarefulStep & { readonly step: SmallStep };

/**
 * Writes steps that are one change each: what the target refuses is undone by itself and becomes a letter, and what must
 * follow a standing letter becomes one too. Many are tried at once, and the refused ones are found by halving.
 */
export class CarefulWriter {
  readonly #target: pg.Client;
  readonly #steps: StepWriter;
  readonly #options: CarefulOptions;
  /** What was being written last: what an error is about. */
  step: TableStep | undefined;

  constructor(target: pg.Client, steps: StepWriter, options: CarefulOptions) {
    this.#target = target;
    this.#steps = steps;
    this.#options = options;
  }

  get #savepoint(): string {
    const { marks } = this.#options;
    return `SAVEPOINT change${marks ? `; ${marks}` : ''}`;
  }

  /** @returns the letters that the caller puts down in the same transaction, in order. */
  async write(changes: readonly CarefulStep[]): Promise<Letter[]> {
    const letters: Letter[] = [];
    let small: SmallChange[] = [];
    for (const change of changes) {
      const { step, origin } = change;
      if (isSmall(step)) {
        small.push({ step, origin });
        continue;
      }
      await this.#changes(small, letters);
      small = [];
      if (step.kind === 'rows') await this.#rows(step.block, origin.place, letters);
      else await this.#alone(lettersOf(step, origin), () => this.attempt(step), letters);
    }
    await this.#changes(small, letters);
    return letters;
  }

  /** Writes steps, or undoes them. @returns why the target refuses one. */
  async attempt(first: TableStep, ...others: readonly TableStep[]): Promise<Refusal | undefined> {
    this.step = first;
    await this.#target.query(this.#savepoint);
    try {
      await this.#steps.write(first);
      for (const step of others) {
        this.step = step;
        await this.#steps.write(step);
      }
      await this.#target.query('RELEASE SAVEPOINT change');
      return undefined;
    } catch (error) {
      return this.#refused(this.step, error);
    }
  }

  /** @param own of the changes of one step. */
  async #alone(own: readonly Letter[], attempt: () => Promise<Refusal | undefined>, letters: Letter[]): Promise<void> {
    const isHeld = own.some((letter) => this.#options.standing.holds(letter));
    const refusal = isHeld ? undefined : await attempt();
    if (!isHeld && !refusal) return;
    for (const letter of own) letters.push(this.#take({ ...letter, ...(refusal ? { refusal } : {}) }));
  }

  async #changes(changes: readonly SmallChange[], letters: Letter[]): Promise<void> {
    const [first] = changes;
    if (!first) return;
    const own = lettersOf(first.step, first.origin);
    if (changes.length === 1) return this.#alone(own, () => this.#attemptAll(changes), letters);
    const { standing } = this.#options;
    const isHeld =
      !standing.isEmpty &&
      changes.some(({ step, origin }) => lettersOf(step, origin).some((letter) => standing.holds(letter)));
    if (!isHeld && !(await this.#attemptAll(changes))) return;
    const middle = changes.length >> 1;
    await this.#changes(changes.slice(0, middle), letters);
    await this.#changes(changes.slice(middle), letters);
  }

  /** Writes changes in one round trip, or undoes them all. */
  async #attemptAll(changes: readonly SmallChange[]): Promise<Refusal | undefined> {
    const planned = changes.flatMap(({ step }) => planStep(step));
    const [, ...answers] = await inOneFlight(this.#target, () => [
      this.#target.query(this.#savepoint),
      ...planned.map((one) => this.#steps.sendOnce(one)),
    ]);
    for (const [i, answer] of answers.entries()) {
      this.step = planned[i]!.step;
      try {
        if (answer.status === 'rejected') throw answer.reason;
        this.#steps.refuseMissing(planned[i]!, (answer.value as pg.QueryResult).rowCount);
      } catch (error) {
        return this.#refused(planned[i]!.step, error, changes.length > 1);
      }
    }
    await this.#target.query('RELEASE SAVEPOINT change');
    return undefined;
  }

  /** @param isOneOfMany the change itself is still to be found. */
  async #refused(step: TableStep, error: unknown, isOneOfMany = false): Promise<Refusal> {
    const target = this.#target;
    if (!isRefusal(error)) throw error;
    await target.query('ROLLBACK TO SAVEPOINT change');
    await target.query('RELEASE SAVEPOINT change');
    this.#steps.undone();
    if (isOneOfMany) return { message: (error as Error).message };
    if (!this.#options.mayTake(error)) throw error;
    return refusalOf(target, step, error);
  }

  async #rows(block: RowBlock, place: Place, letters: Letter[]): Promise<void> {
    const { following, rest } = partRows(block, this.#options.standing, place);
    for (const letter of following) letters.push(this.#take(letter));
    await this.#halve(rest, copyLines(rest.text), place, letters);
  }

  async #halve(block: RowBlock, lines: readonly Buffer[], place: Place, letters: Letter[]): Promise<void> {
    if (lines.length === 0) return;
    const refusal = await this.attempt({ kind: 'rows', block: blockOf(block, lines) });
    if (!refusal) return;
    if (lines.length === 1) {
      const letter = copiedLetter(block.shape, block.line.columns, copyValues(lines[0]!), place);
      letters.push(this.#take({ ...letter, refusal }));
      return;
    }
    const middle = lines.length >> 1;
    await this.#halve(block, lines.slice(0, middle), place, letters);
    await this.#halve(block, lines.slice(middle), place, letters);
  }

  #take(letter: Letter): Letter {
    const { standing, limit } = this.#options;
    if (letter.refusal && standing.refused >= limit) throw tooMany(letter, limit);
    standing.add(letter);
    if (letter.refusal) standing.refused++;
    return letter;
  }
}

function tooMany({ tables, place, refusal }: Letter, limit: number): FerryError {
  return new FerryError(
    'apply-failed',
    `${limit} refused changes stand in the dead letters already; the next one is of the table ${tables.join(' ')}, ` +
      `position ${formatPosition(place.position)}: ${refusal!.message}`,
    {
      details: { sqlstate: refusal!.sqlstate, limit },
      remedy: 'Look at `ferry dead-letter list`: mend the target and retry, or raise apply.deadLetterLimit.',
    },
  );
}
