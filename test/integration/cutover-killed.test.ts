import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CUTOVER_FAILPOINTS, FAILPOINT_SAID, type Failpoint } from '../../platform/failpoint.js';
import { liftFence } from '../../services/control/cutover/fence-function.js';
import { STEPS } from '../../services/control/cutover/move-steps.js';
import { type Intent, isHarmless } from '../../services/control/cutover/step.js';
import { cutOver } from '../support/cut-over.js';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { Writes } from '../support/writes.js';

/**
 * One pipeline, one application that writes all the while, and a coordinator that is killed at every place it has. What
 * it leaves is resumed or undone by turns; each time one project serves, and has every write that was acknowledged.
 */
describeWithPostgres('a coordinator that is killed', () => {
  let pair: MovingPair;
  let writes: Writes;

  beforeAll(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    await pair.up();
    writes = new Writes(pair.databases.source.url);
  });

  afterAll(async () => {
    await writes?.stop();
    await pair?.close();
  });

  /** `ferry cutover`, killed at a place. */
  async function killedAt(place: Failpoint, ...args: readonly string[]): Promise<void> {
    const dying = pair.startWith({ FERRY_FAILPOINTS: `${place}=die:0@0` }, 'cutover', ...args);
    const { code, stderr } = await dying.ended;
    expect(stderr).toContain(`${FAILPOINT_SAID} die ${place}`);
    expect(code).toBeNull();
  }

  const run = (intent: Intent) => cutOver(pair, intent);

  async function expectOldServes(): Promise<void> {
    expect(await pair.status()).toMatchObject({ serving: 'source', openCutover: null });
    await writes.goOn();
  }

  /** The new project has all that was acknowledged, and nobody is let into the old one. */
  async function expectNewServes(): Promise<void> {
    expect(await pair.status()).toMatchObject({ serving: 'target', openCutover: null });
    await writes.refused();
    expect(await writes.missingIn(pair.target)).toEqual([]);
  }

  /** As a way back would leave it: nothing was written to the new project. */
  async function giveBack(): Promise<void> {
    await pair.target.query("UPDATE ferry.cutover SET serving = 'source', state = 'idle'");
    await liftFence(pair.source, { pipeline: pair.name, run: 'none' });
    await writes.goOn();
  }

  // A step that only looks leaves the same behind whether it had begun or was at its end.
  const onlyLooks = STEPS.filter(isHarmless).map(({ name }) => `cutover.${name}.acted`);
  const steps = CUTOVER_FAILPOINTS.filter((place) => !place.startsWith('cutover.undo.') && !onlyLooks.includes(place));
  const turns = steps.map((place, i) => [place, i % 2 === 0 ? 'resume' : 'abort'] as const);

  describe.each(turns)('at %s', (place, intent) => {
    test(`and ${place === 'cutover.flag.acted' ? 'done' : intent === 'resume' ? 'resumed' : 'undone'}`, async () => {
      await killedAt(place);
      if (place === 'cutover.flag.acted') {
        for (const late of ['resume', 'abort', 'begin'] as const) {
          await expect(run(late)).rejects.toMatchObject({ code: 'not-ready' });
        }
      } else {
        const report = await run(intent);
        expect(report).toMatchObject({ ok: true, serving: intent === 'resume' ? 'target' : 'source' });
      }
      if (intent === 'abort' && place !== 'cutover.flag.acted') return expectOldServes();
      await expectNewServes();
      await giveBack();
    });
  });

  test('while it undoes, twice, the rest is undone by the next one', async () => {
    await killedAt('cutover.drained.begun');
    await killedAt('cutover.undo.begun', '--abort');
    await killedAt('cutover.undo.acted', '--abort');
    expect(await run('abort')).toMatchObject({ ok: true, aborted: true, serving: 'source' });
    await expectOldServes();
  });

  test('while it undoes, with the fence lifted: resumed, it proves all of it anew', async () => {
    await killedAt('cutover.drained.begun');
    await killedAt('cutover.undo.acted', '--abort');
    await writes.goOn();
    const report = await run('resume');
    expect(report.steps.map(({ step }) => step)).toEqual(expect.arrayContaining(['gates', 'verify', 'arm', 'flag']));
    await expectNewServes();
    await giveBack();
  });

  test('over and over, it leaves both projects equal', async () => {
    await writes.stop();
    await pair.expectEqual();
  });
});
