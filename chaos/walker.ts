import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../test/support/random.js';
import { Application } from './application.js';
import type { Gauge } from './gauge.js';
import type { World } from './world.js';

const PAUSE_MS = 15;
/** Rows that are copied next. */
const AHEAD = 25;

/** Changes rows of `walked` about when they are copied, each at most once: what a chunk overwrites stays so. */
export function walker(world: World, random: Random, gauge: Gauge): Application {
  return new Application(world, async (session) => {
    const id = gauge.copied + random.int(1, AHEAD);
    await session.query(changeOf(id, random));
    await sleep(PAUSE_MS);
  });
}

function changeOf(id: number, random: Random): string {
  const untouched = `WHERE id = ${id} AND n = 0`;
  return random.pick([
    `UPDATE public.walked SET n = 1 ${untouched}`,
    `UPDATE public.walked SET n = 1 ${untouched}`,
    `UPDATE public.walked SET n = 1, big = 'small' ${untouched}`,
    `UPDATE public.walked SET n = 1, id = -id ${untouched}`,
    `DELETE FROM public.walked ${untouched}`,
  ]);
}
