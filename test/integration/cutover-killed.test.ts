import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CUTOVER_FAILPOINTS, FAILPOINT_SAID, type Failpoint } from '../../platform/failpoint.js';
import type { Direction, Serving } from '../../services/control/cutover/direction.js';
import { STEPS, stepsOf } from '../../services/control/cutover/move-steps.js';
import { type Intent, isHarmless } from '../../services/control/cutover/step.js';
import { cutOver } from '../support/cut-over.js';
import { type FlagWrites, tryWrite } from '../support/flag-writes.js';
import type { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { startArmed } from '../support/there-and-back.js';

const OTHER = { source: 'target', target: 'source' } as const;
const COMMAND = { source: 'cutover', target: 'rollback' } as const;
const DIRECTION = { source: 'forward', target: 'back' } as const;

/**
 * A pipeline and its way back, one application that writes all the while, and a coordinator that is killed at every
 * place it has, on its way to the new project or back. What it leaves is resumed or undone by turns; each time one
 * project serves, and has every write that was acknowledged.
 */
describeWithPostgres('a coordinator that is killed', () => {
  let pair: MovingPair;
  let writes: FlagWrites;
  let serving: Serving = 'source';
  let hasMoved = false;

  beforeAll(async () => {
    ({ pair, writes } = await startArmed({ servers: testServers() }));
  });

  afterAll(async () => {
    await writes?.stop();
    await pair?.close();
  });

  /** `ferry cutover`, or `ferry rollback` where the new project serves, killed at a place. */
  async function killedAt(place: Failpoint, ...args: readonly string[]): Promise<void> {
    const dying = pair.startWith({ FERRY_FAILPOINTS: `${place}=die:0@0` }, COMMAND[serving], ...args);
    const { code, stderr } = await dying.ended;
    expect(stderr).toContain(`${FAILPOINT_SAID} die ${place}`);
    expect(code).toBeNull();
  }

  const run = (intent: Intent) => cutOver(pair, intent, {}, DIRECTION[serving]);

  /** What was acknowledged is there, and nobody is let into the other project. */
  async function expectServes(side: Serving): Promise<void> {
    expect(await pair.status()).toMatchObject({ serving: side, openCutover: null });
    hasMoved ||= side !== serving;
    serving = side;
    await writes.goOn(side);
    expect(await writes.missingIn(pair[side], side)).toEqual([]);
    if (hasMoved) expect(await tryWrite(pair[OTHER[side]], OTHER[side], 0)).toBe(false);
  }

  // A step that only looks leaves the same behind whether it had begun or was at its end.
  const onlyLooks = STEPS.filter(isHarmless).map(({ name }) => `cutover.${name}.acted`);
  const steps = CUTOVER_FAILPOINTS.filter((place) => !place.startsWith('cutover.undo.') && !onlyLooks.includes(place));
  const isOf = (direction: Direction, place: Failpoint) =>
    stepsOf(direction).some(({ name }) => place.startsWith(`cutover.${name}.`));
  // Each way resumed at one half of the places and undone at the other.
  const ways = (['forward', 'back'] as const).map((direction, half) =>
    steps
      .filter((place) => isOf(direction, place))
      .map((place, i) => [direction, place, (i + half) % 2 === 0 ? 'resume' : 'abort'] as const),
  );
  // By two of a way, the second of which moves the traffic: the other way's two find it there.
  const turns = Array.from({ length: Math.max(...ways.map((way) => way.length)) / 2 + 1 }, (_, i) =>
    ways.flatMap((way) => way.slice(2 * i, 2 * i + 2).sort(([, , a], [, , b]) => (a < b ? -1 : 1))),
  ).flat();

  describe.each(turns)('%s at %s', (direction, place, intent) => {
    const isDone = place === 'cutover.flag.acted';

    test(`and ${isDone ? 'done' : intent === 'resume' ? 'resumed' : 'undone'}`, async () => {
      if (DIRECTION[serving] !== direction) {
        await run('begin');
        await expectServes(OTHER[serving]);
      }
      await killedAt(place);
      if (isDone) {
        for (const late of ['resume', 'abort', 'begin'] as const) {
          await expect(run(late)).rejects.toMatchObject({ code: 'not-ready' });
        }
        return expectServes(OTHER[serving]);
      }
      const serves = intent === 'resume' ? OTHER[serving] : serving;
      expect(await run(intent)).toMatchObject({ ok: true, serving: serves });
      await expectServes(serves);
    });
  });

  test('while it undoes, twice, the rest is undone by the next one', async () => {
    for (const place of ['cutover.drained.begun', 'cutover.flag.begun'] as const) {
      await killedAt(place);
      await killedAt('cutover.undo.begun', '--abort');
      await killedAt('cutover.undo.acted', '--abort');
      expect(await run('abort')).toMatchObject({ ok: true, aborted: true, serving });
      await expectServes(serving);
    }
  });

  test('while it undoes, with the fence lifted: resumed, it proves all of it anew', async () => {
    await killedAt('cutover.drained.begun');
    await killedAt('cutover.undo.acted', '--abort');
    await writes.goOn(serving);
    const report = await run('resume');
    expect(report.steps.map(({ step }) => step)).toEqual(expect.arrayContaining(['gates', 'verify', 'arm', 'flag']));
    await expectServes(OTHER[serving]);
  });

  describe.each(['source', 'target'] as const)(
    'behind the turn, by which nothing of the %s is carried any more',
    (side) => {
      beforeAll(async () => {
        if (serving === side) return;
        await run('begin');
        await expectServes(side);
      });

      test('and again when it was resumed: the turn is undone before the fence', async () => {
        await killedAt('cutover.admit.acted');
        await killedAt('cutover.marker.begun', '--resume');
        expect(await run('abort')).toMatchObject({ ok: true, aborted: true, serving });
        await expectServes(serving);
      });

      test('and interrupted when it was resumed: so it is', async () => {
        await killedAt('cutover.admit.acted');
        const plan = { FERRY_FAILPOINTS: 'cutover.marker.begun=pause:500@0' };
        const resumed = pair.startWith(plan, COMMAND[serving], '--resume');
        await resumed.said(/pause cutover.marker.begun/);
        resumed.signal('SIGINT');
        const { code, stderr } = await resumed.ended;
        expect(code, stderr).toBe(3);
        await expectServes(serving);
      });

      test('and all that was written then comes over', async () => {
        await run('begin');
        await expectServes(OTHER[serving]);
      });
    },
  );

  test('over and over, it leaves both projects equal', async () => {
    await writes.stop();
    await pair.expectEqual();
  });
});
