import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { routeName, type TableMapping } from '../../core/mapping.js';
import { type RelationLine, type RowLine, relationFromLine } from '../../core/record.js';
import { topicsOf as domainTopic } from '../../core/topics.js';
import { fenceApply, inTransactionBesideApply } from '../../platform/apply-fence.js';
import { homeOf } from '../../platform/lineage-table.js';
import { CarefulWriter } from './adapters/careful-writer.js';
import {
  dropSuperseded,
  readEvent,
  readLetters,
  refuseAgain,
  type StoredLetter,
  settle,
} from './adapters/letter-store.js';
import { StepWriter } from './adapters/step-writer.js';
import { readCopiedTables } from './adapters/table-state.js';
import { readTargetTables } from './adapters/target-catalog.js';
import type { TableStep } from './batch.js';
import { stepOf } from './batch-reader.js';
import { stepOfCopied } from './copy-rows.js';
import { foldedSteps } from './fold-letters.js';
import type { LetterEvent, Refusal } from './letter.js';
import { connectedTo, StandingKeys } from './standing-keys.js';
import { joined, shapeOf, type TableShape, type TargetTable } from './table-shape.js';
import { OF_OTHER_ROWS } from './waits-for-others.js';

export interface LetterChoice {
  readonly pipeline: string;
  /** Of the letters that stand in a topic: those that are meant. */
  readonly chosen: (letter: StoredLetter) => boolean;
}

export interface RetryReport {
  /** Applied now. */
  readonly retried: readonly StoredLetter[];
  /** Refused again; those of the same rows that come later stand with them. */
  readonly refused: readonly (StoredLetter & { readonly refusal: Refusal })[];
}

/**
 * Applies letters in the order of their changes, those of a topic in one transaction, and with a chosen one those that
 * cannot be separated from it. Those of a row that are refused for another row's sake are tried as what they come to
 * together: a value that the row had for a while may be the other one's by now. What is refused again stands, and what
 * must follow it.
 * @param target a session as apply's.
 */
export async function retryLetters(target: pg.Client, { pipeline, chosen }: LetterChoice): Promise<RetryReport> {
  const report = { retried: [] as StoredLetter[], refused: [] as RetryReport['refused'][number][] };
  for (const topic of await topicsOf(target, { pipeline, chosen })) {
    const { retried, refused } = await fenced(target, pipeline, topic, () =>
      retryTopic(target, { pipeline, chosen }, topic),
    );
    report.retried.push(...retried);
    report.refused.push(...refused);
  }
  return report;
}

/** Discards letters: the changes are never applied. They are kept, as dropped, with when and by whom. */
export async function dropLetters(target: pg.Client, { pipeline, chosen }: LetterChoice): Promise<StoredLetter[]> {
  const dropped: StoredLetter[] = [];
  for (const topic of await topicsOf(target, { pipeline, chosen })) {
    const letters = await fenced(target, pipeline, topic, async () => {
      const found = (await readLetters(target, pipeline, { states: ['standing'], topic })).filter(chosen);
      await settle(target, pipeline, found, 'dropped');
      return found;
    });
    dropped.push(...letters);
  }
  return dropped;
}

/** Drops what stands of a table that was taken out of the pipeline. */
export async function dropLettersOf(
  target: pg.ClientBase,
  { name: pipeline, mappingVersion }: { readonly name: string; readonly mappingVersion: number },
  mapping: TableMapping,
): Promise<void> {
  const { rows } = await target.query<{ there: string }>(
    "SELECT to_regclass('ferry.dead_letter') IS NOT NULL AS there",
  );
  if (rows[0]!.there !== 't') return;
  const topic = domainTopic(pipeline, mappingVersion).domain(mapping.target.schema);
  const source = routeName(mapping);
  await fenced(target, pipeline, topic, () =>
    dropSuperseded(target, { pipeline, topic, source, by: 'ferry table remove' }),
  );
}

async function topicsOf(target: pg.Client, { pipeline, chosen }: LetterChoice): Promise<Set<string>> {
  const letters = await readLetters(target, pipeline, { states: ['standing'] });
  return new Set(letters.filter(chosen).map(({ topic }) => topic));
}

/** Runs work in one transaction that nothing of apply comes between. */
function fenced<T>(target: pg.ClientBase, pipeline: string, topic: string, work: () => Promise<T>): Promise<T> {
  return inTransactionBesideApply(target, async () => {
    await fenceApply(target, pipeline, topic);
    return work();
  });
}

async function retryTopic(target: pg.Client, { pipeline, chosen }: LetterChoice, topic: string): Promise<RetryReport> {
  const letters = await readLetters(target, pipeline, { states: ['standing'], topic });
  const meant = connectedTo(letters, letters.filter(chosen));
  const standing = new StandingKeys();
  const desk = new RetryDesk(target, pipeline);
  const retried: StoredLetter[] = [];
  const refusals = new Map<StoredLetter, Refusal>();
  const left = new Set<StoredLetter>();
  for (const letter of letters) {
    if (!meant.has(letter)) continue;
    const refusal = standing.holds(letter) ? undefined : await desk.attempt(letter);
    if (refusal) refusals.set(letter, refusal);
    if (!refusal && !standing.holds(letter)) {
      retried.push(letter);
      continue;
    }
    standing.add(letter);
    left.add(letter);
  }
  // One that is written may make room for another.
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const group of groupsOf([...left])) {
      if (!group.some((letter) => isOfOtherRows(refusals.get(letter))) || !(await desk.attemptFolded(group))) continue;
      for (const letter of group) left.delete(letter);
      retried.push(...group);
    }
  }
  const refused = [...left].flatMap((letter) => {
    const refusal = refusals.get(letter);
    return refusal ? [{ ...letter, refusal }] : [];
  });
  for (const letter of refused) await refuseAgain(target, letter, letter.refusal);
  await settle(target, pipeline, retried, 'retried');
  return { retried, refused };
}

/** Letters that cannot be separated from each other. @param letters in their order. */
function groupsOf(letters: readonly StoredLetter[]): StoredLetter[][] {
  const groups: StoredLetter[][] = [];
  for (let rest = letters; rest.length > 0; ) {
    const own = connectedTo(rest, rest.slice(0, 1));
    groups.push(rest.filter((letter) => own.has(letter)));
    rest = rest.filter((letter) => !own.has(letter));
  }
  return groups;
}

function isOfOtherRows(refusal: Refusal | undefined): boolean {
  return OF_OTHER_ROWS.has(String(refusal?.sqlstate));
}

/** Writes letters by the target's tables as they are now. */
class RetryDesk {
  readonly #target: pg.Client;
  readonly #pipeline: string;
  readonly #tables = new Map<string, Map<string, TargetTable>>();
  readonly #writers = new Map<number, CarefulWriter>();

  constructor(target: pg.Client, pipeline: string) {
    this.#target = target;
    this.#pipeline = pipeline;
  }

  async attempt(letter: StoredLetter): Promise<Refusal | undefined> {
    const step = await this.#step(await readEvent(this.#target, letter));
    return (await this.#writer(letter)).attempt(step);
  }

  /** @returns whether they are written: as what they come to, where they are changes of rows of one version. */
  async attemptFolded(letters: readonly StoredLetter[]): Promise<boolean> {
    const rows: RowLine[] = [];
    let relation: RelationLine | undefined;
    for (const letter of letters) {
      const event = await readEvent(this.#target, letter);
      if (event.op === 't' || event.op === 'r' || event.join) return false;
      relation ??= event.relation;
      if (!isDeepStrictEqual(event.relation, relation)) return false;
      rows.push({ rel: relation.relation, ix: 0, ...event });
    }
    const [first, ...others] = foldedSteps(await this.#shape(relation!), rows) ?? [];
    return first !== undefined && (await (await this.#writer(letters[0]!)).attempt(first, ...others)) === undefined;
  }

  async #step(event: LetterEvent): Promise<TableStep> {
    if (event.op === 't') {
      const shapes: TableShape[] = [];
      for (const line of event.relations) shapes.push(await this.#shape(line));
      return { kind: 'truncate', shapes, restartIdentity: event.restartIdentity };
    }
    const shape = await this.#shape(event.relation);
    if (event.op === 'r') return stepOfCopied(shape, event.columns, event.row);
    if (event.join) return stepOf(joined(shape, event.join), { rel: shape.relation.id, ix: 0, ...event });
    return stepOf(shape, { rel: shape.relation.id, ix: 0, ...event });
  }

  async #shape(line: Parameters<typeof relationFromLine>[0]): Promise<TableShape> {
    const relation = relationFromLine(line);
    const { schema, table } = homeOf(relation);
    const tables = this.#tables.get(schema) ?? (await readTargetTables(this.#target, schema));
    this.#tables.set(schema, tables);
    return shapeOf(relation, tables.get(table));
  }

  async #writer({ partition }: StoredLetter): Promise<CarefulWriter> {
    let writer = this.#writers.get(partition);
    if (!writer) {
      const copied = await readCopiedTables(this.#target, this.#pipeline, partition);
      writer = new CarefulWriter(this.#target, new StepWriter(this.#target, copied), {
        standing: new StandingKeys(),
        mayTake: () => true,
        limit: Number.POSITIVE_INFINITY,
      });
      this.#writers.set(partition, writer);
    }
    return writer;
  }
}
