/**
 * Named places at which a process may be made to die, for `npm run chaos`: FERRY_FAILPOINTS="apply.written=0.01" is the
 * chance, each time the place is passed. Unset, as in every other run, nothing happens.
 */
const chances = new Map(
  (process.env.FERRY_FAILPOINTS ?? '')
    .split(',')
    .filter(Boolean)
    .map((entry) => entry.split('=') as [string, string])
    .map(([place, chance]) => [place, Number(chance)] as const),
);

/** Dies here as by a crash, if the environment says so. */
export function failpoint(place: Failpoint): void {
  if (chances.size === 0) return;
  const chance = chances.get(place);
  if (chance !== undefined && Math.random() < chance) process.kill(process.pid, 'SIGKILL');
}

/** Between what must not be torn apart, and right behind it. */
export const FAILPOINTS = [
  'log.part-appended',
  'capture.taken',
  'capture.appended',
  'capture.acknowledged',
  'capture.chunk-read',
  'capture.rows-copied',
  'transform.appended',
  'apply.written',
  'apply.committed',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];
