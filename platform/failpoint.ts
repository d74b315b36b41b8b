import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between what must not be torn apart, and right behind it. */
export const FAILPOINTS = [
  'log.part-appended',
  'capture.taken',
  'capture.appended',
  'capture.acknowledged',
  'capture.state-due',
  'capture.chunk-begun',
  'capture.chunk-read',
  'capture.chunk-sent',
  'capture.rows-copied',
  'transform.read',
  'transform.appended',
  'transform.state-due',
  'apply.claimed',
  'apply.written',
  'apply.committed',
] as const;

const CUTOVER_STEPS = [
  'gates',
  'constraints',
  'verify',
  'statistics',
  'ready',
  'predict',
  'arm',
  'fence',
  'marker',
  'drained',
  'ledger',
  'verified',
  'sequences',
  'turn',
  'admit',
  'flag',
  'undo',
] as const;
type CutoverFailpoint = `cutover.${(typeof CUTOVER_STEPS)[number]}.${'begun' | 'acted'}` | 'cutover.fence.locked';

/**
 * Of the coordinator: a step stands in the journal and has not acted; it has acted, and the journal does not know; the
 * writers in flight are done, and the fence is not closed yet.
 */
export const CUTOVER_FAILPOINTS: readonly CutoverFailpoint[] = [
  ...CUTOVER_STEPS.flatMap((step) => [`cutover.${step}.begun`, `cutover.${step}.acted`] as const),
  'cutover.fence.locked',
];

/** A chunk of a verification is compared, and that is kept. */
export const VERIFY_FAILPOINT = 'verify.chunk-kept';

/** A new version of the mapping: its topics are filled; services may work with it; the target has been emptied for it. */
export const VERSION_FAILPOINTS = ['replay.version-filled', 'replay.version-ready', 'replay.version-begun'] as const;
/** Of the rollout's mode users: both directions are half open, or half closed; users are on the way, and could be let in. */
export const ROLLOUT_FAILPOINTS = [
  'rollout.enter.armed',
  'rollout.enter.begun',
  'rollout.leave.begun',
  'rollout.leave.disarmed',
  'rollout.move.begun',
  'rollout.move.settled',
] as const;

export type Failpoint =
  | (typeof FAILPOINTS)[number]
  | CutoverFailpoint
  | typeof VERIFY_FAILPOINT
  | (typeof VERSION_FAILPOINTS)[number]
  | (typeof ROLLOUT_FAILPOINTS)[number];

/** What is done at a place, once. */
interface Plan {
  readonly place: string;
  readonly action: 'pause' | 'die';
  /** How long the process stands there, ms: other work of its goes on. */
  readonly forMs: number;
  /** Not before this, ms since the process came to a place at all. */
  readonly fromMs: number;
}

const PLACES: readonly (string | undefined)[] = [
  ...FAILPOINTS,
  ...CUTOVER_FAILPOINTS,
  VERIFY_FAILPOINT,
  ...VERSION_FAILPOINTS,
  ...ROLLOUT_FAILPOINTS,
];
const PLAN = /^([\w.-]+)=(pause|die):(\d+)@(\d+)$/;

function plansOf(text: string): Plan[] {
  if (text === '') return [];
  return text.split(',').map((entry) => {
    const [, place, action, forMs, fromMs] = PLAN.exec(entry) ?? [];
    if (!PLACES.includes(place)) {
      throw new Error(`FERRY_FAILPOINTS has "${entry}", which is no plan such as ${FAILPOINTS[0]}=die:0@0`);
    }
    return { place: place!, action: action as Plan['action'], forMs: Number(forMs), fromMs: Number(fromMs) };
  });
}

const plans = plansOf(process.env.FERRY_FAILPOINTS ?? '');

/**
 * Named places at which `npm run chaos` makes a process stand still, or die as by a crash.
 * FERRY_FAILPOINTS="apply.written=pause:800@0,apply.committed=die:300@1200": the first time that `apply.written` is
 * passed it waits 800 ms; 1.2 s after the process came to any place it waits 300 ms at `apply.committed` and dies there.
 * Each is said on standard error. Unset, as in every other run, nothing happens.
 */
export const failpoint: (place: Failpoint) => Promise<void> | undefined = plans.length === 0 ? () => undefined : arrive;

let begunAt: number | undefined;

async function arrive(place: Failpoint): Promise<void> {
  begunAt ??= performance.now();
  const workedMs = performance.now() - begunAt;
  const due = plans.findIndex((plan) => plan.place === place && plan.fromMs <= workedMs);
  const [plan] = due < 0 ? [] : plans.splice(due, 1);
  if (!plan) return;
  writeSync(2, `${FAILPOINT_SAID} ${plan.action} ${place}\n`);
  await sleep(plan.forMs);
  if (plan.action === 'die') process.kill(process.pid, 'SIGKILL');
}

/** What the line on standard error begins with. */
export const FAILPOINT_SAID = 'failpoint:';
