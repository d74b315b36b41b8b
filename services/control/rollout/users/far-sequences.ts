import type { ClientBase } from 'pg';
import type { TableMapping } from '../../../../core/mapping.js';
import { quoteName } from '../../../../platform/postgres.js';
import { readSequencePairs, type SequenceColumn, setSequences } from '../../cutover/sequences.js';

/** A sequence of the target, which gives out numbers from `from` on, and that of the source, which must not come there. */
export interface FarSequence {
  readonly source: string;
  readonly target: string;
  readonly from: string;
  /** Where it must stand now; behind `from` where it has served before. */
  readonly value: string;
  readonly increment: string;
}

/** Numbers between the two sides, where there are so many. */
const AHEAD = 1_000_000_000n;
/** With fewer between them a busy project could come there before somebody looks. */
const LEAST = 10_000n;
const LARGEST: Readonly<Record<string, bigint>> = { smallint: 32_767n, integer: 2_147_483_647n };

/** Where a sequence stands, and how far it may go, on one side. */
export interface SequenceSide {
  readonly last: bigint;
  readonly increment: bigint;
  /** The furthest number in its direction that it, and the column that it fills, may have. */
  readonly end: bigint;
}

/**
 * Works out from where on the target's sequence gives out numbers that the source's does not come to: as far ahead as half of
 * what is left allows.
 * @returns undefined where too few are left.
 */
export function farStart(source: SequenceSide, target: SequenceSide): { from: bigint; value: bigint } | undefined {
  const direction = target.increment > 0n ? 1n : -1n;
  const step = target.increment * direction;
  const end = direction > 0n ? least(source.end, target.end) : greatest(source.end, target.end);
  const left = ((end - source.last) * direction) / step;
  const ahead = least(AHEAD, left / 2n);
  if (ahead < LEAST) return undefined;
  const from = source.last + ahead * target.increment;
  const stood = (target.last - source.last) * direction;
  // One that is far ahead has been there before, and need not go further each time. It gave out some of what lies between:
  // not half of it.
  if (stood / step >= ahead / 2n) return { from: source.last + (target.last - source.last) / 2n, value: target.last };
  return { from, value: from };
}

const least = (a: bigint, b: bigint) => (a < b ? a : b);
const greatest = (a: bigint, b: bigint) => (a > b ? a : b);

/** @returns where the target's sequences must stand, and those of which too few numbers are left. */
export async function planFarSequences(
  source: ClientBase,
  target: ClientBase,
  tables: readonly TableMapping[],
): Promise<{ readonly far: readonly FarSequence[]; readonly near: readonly string[] }> {
  const far = new Map<string, FarSequence>();
  const near: string[] = [];
  for (const { from, to } of await readSequencePairs(source, target, { tables })) {
    const theirs = await readSide(target, to);
    const start = farStart(await readSide(source, from), theirs);
    const names = { source: quoteName(from.sequence), target: quoteName(to.sequence) };
    if (!start) {
      near.push(names.target);
      continue;
    }
    const one = { ...names, from: String(start.from), value: String(start.value), increment: String(theirs.increment) };
    const known = far.get(names.target);
    if (!known || isFurther(start.value, known)) far.set(names.target, one);
  }
  return { far: [...far.values()], near };
}

function isFurther(value: bigint, { value: known, increment }: FarSequence): boolean {
  return BigInt(increment) > 0n ? value > BigInt(known) : value < BigInt(known);
}

export function setFarSequences(target: ClientBase, far: readonly FarSequence[]): Promise<void> {
  return setSequences(
    target,
    far.map(({ target: sequence, value }) => ({ sequence, value })),
  );
}

/** @returns sequences of the source that come near to what the target gives out. */
export async function nearSequences(source: ClientBase, far: readonly FarSequence[]): Promise<string[]> {
  const near: string[] = [];
  for (const { source: sequence, from, increment } of far) {
    const { rows } = await source.query<{ last_value: string }>(`SELECT last_value FROM ${sequence}`);
    const between = (BigInt(from) - BigInt(rows[0]!.last_value)) / BigInt(increment);
    if (between < LEAST) near.push(sequence);
  }
  return near;
}

async function readSide(client: ClientBase, { sequence, type }: SequenceColumn): Promise<SequenceSide> {
  const { rows } = await client.query<Record<'last_value' | 'seqincrement' | 'seqmax' | 'seqmin', string>>(
    `SELECT s.last_value, p.seqincrement, p.seqmax, p.seqmin
       FROM ${quoteName(sequence)} s, pg_catalog.pg_sequence p WHERE p.seqrelid = $1::regclass`,
    [quoteName(sequence)],
  );
  const { last_value, seqincrement, seqmax, seqmin } = rows[0]!;
  const increment = BigInt(seqincrement);
  const largest = LARGEST[type];
  const bound = increment > 0n ? BigInt(seqmax) : BigInt(seqmin);
  const end = largest === undefined ? bound : increment > 0n ? least(bound, largest) : greatest(bound, -largest);
  return { last: BigInt(last_value), increment, end };
}
