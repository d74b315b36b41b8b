import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { Direction, Serving } from '../../services/control/cutover/direction.js';
import { cutOver } from './cut-over.js';
import { eventually } from './eventually.js';
import { FlagWrites, NAMES, tryWrite } from './flag-writes.js';
import { MovingPair } from './moving-pair.js';

/** A pair whose way back is armed, or will be, and an application that follows the flag. */
export interface MovingApplication {
  readonly pair: MovingPair;
  readonly writes: FlagWrites;
}

/**
 * Both directions run, and the application writes.
 * @param ready does something to the pair before anything runs.
 */
export async function startArmed(
  options: Parameters<typeof MovingPair.configured>[0],
  ready: (pair: MovingPair) => Promise<void> = async () => {},
): Promise<MovingApplication> {
  const pair = await MovingPair.configured(options);
  try {
    await ready(pair);
    await pair.configureBack();
    await pair.up();
    await pair.upBack();
  } catch (error) {
    await pair.close();
    throw error;
  }
  const { source, target } = pair.databases;
  return { pair, writes: new FlagWrites(pair.name, { source: source.url, target: target.url }) };
}

/** Every row of a side's tables, under the names that both have for them. */
async function rowsOf(pair: MovingPair, side: Serving): Promise<unknown> {
  const all: Record<string, string[]> = {};
  for (const [table, name] of Object.entries(NAMES[side])) {
    const { rows } = await pair[side].query<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`);
    all[table] = rows.map(({ row }) => row);
  }
  return all;
}

/** Moves the traffic, all tables compared anew. */
export async function expectMoves(
  { pair }: Pick<MovingApplication, 'pair'>,
  direction: Direction,
  serving: Serving,
): Promise<void> {
  const report = await cutOver(pair, 'begin', { verifiedWithinMs: 0 }, direction);
  expect(report).toMatchObject({ ok: true, serving });
  expect(report.tables.every(({ equal }) => equal)).toBe(true);
}

/** A side serves, the other one refuses writers and has every row all the same. */
export async function expectServes({ pair, writes }: MovingApplication, side: Serving): Promise<void> {
  const other = side === 'source' ? 'target' : 'source';
  expect(await pair.status()).toMatchObject({ serving: side, openCutover: null });
  await writes.goOn(side);
  expect(await tryWrite(pair[other], other, 0)).toBe(false);
  await writes.held(async () => {
    const rows = await rowsOf(pair, side);
    await eventually(async () => isDeepStrictEqual(await rowsOf(pair, other), rows), {
      what: `${other} to have every row`,
    });
    expect(await writes.missingIn(pair[side], side)).toEqual([]);
    expect(await writes.missingIn(pair[other], other)).toEqual([]);
  });
}
