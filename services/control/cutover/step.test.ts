import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STEPS } from './move-steps.js';
import { type Entry, entriesToUndo, type Intent, refusalOf, type Standing, stepsAhead } from './step.js';

const names = STEPS.map(({ name }) => name);
const stepNamed = (name: string) => STEPS.find((step) => step.name === name)!;

/** A journal in which the steps before `dead` are done, and that one is as `state` says. */
function diedAt(dead: string, state: Entry['state'] = 'started'): Entry[] {
  const upTo = names.slice(0, names.indexOf(dead as never) + 1);
  return upTo.map((step, id) => ({
    id: String(id),
    step,
    state: step === dead ? state : 'done',
    undo: stepNamed(step).undo,
  }));
}

describe('the way forward', () => {
  test('arms before the pause, and in it fences, proves, and flips last', () => {
    const order = ['gates', 'verify', 'ready', 'predict', 'arm', 'fence', 'marker', 'drained', 'ledger', 'verified'];
    const places = [...order, 'sequences', 'flag'].map((name) => names.indexOf(name as never));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(names.at(-1)).toBe('flag');
    const pause = STEPS.filter(({ inPause }) => inPause);
    expect(STEPS.slice(-pause.length)).toEqual(pause);
    expect(pause[0]!.name).toBe('fence');
  });

  test('nothing that touches the project that serves is without a way back, and nothing in the pause is trusted later', () => {
    expect(STEPS.filter(({ undo }) => undo).map(({ name }) => name)).toEqual(['arm', 'fence', 'turn', 'admit']);
    expect(STEPS.filter(({ inPause, lasts }) => inPause && lasts)).toEqual([]);
  });
});

describe('stepsAhead', () => {
  test('are all of a run that begins', () => {
    expect(stepsAhead(STEPS, [], { isPaused: false })).toEqual(STEPS);
  });

  test('leave out what lasts and is done, and prove the rest anew', () => {
    const ahead = stepsAhead(STEPS, diedAt('predict'), { isPaused: false }).map(({ name }) => name);
    expect(ahead).toEqual(names.filter((name) => name !== 'constraints' && name !== 'statistics'));
    const begun = stepsAhead(STEPS, diedAt('constraints'), { isPaused: false }).map(({ name }) => name);
    expect(begun).toContain('constraints');
  });

  test('are those of the pause while the fence stands closed, whichever of them was begun', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names.slice(names.indexOf('fence'))), (dead) => {
        const ahead = stepsAhead(STEPS, diedAt(dead), { isPaused: true });
        expect(ahead).toEqual(STEPS.filter(({ inPause }) => inPause));
      }),
    );
  });

  test('arm the fence again when it does not stand, whatever the journal says of it', () => {
    for (const dead of names.slice(names.indexOf('arm'))) {
      const ahead = stepsAhead(STEPS, diedAt(dead), { isPaused: false }).map(({ name }) => name);
      expect(ahead, dead).toEqual(expect.arrayContaining(['gates', 'verify', 'ready', 'arm', 'fence', 'flag']));
    }
  });
});

describe('entriesToUndo', () => {
  test('are those that may have acted, the last one first', () => {
    expect(entriesToUndo(diedAt('drained')).map(({ step }) => step)).toEqual(['fence', 'arm']);
    expect(entriesToUndo(diedAt('arm')).map(({ step }) => step)).toEqual(['arm']);
    expect(entriesToUndo(diedAt('fence', 'failed')).map(({ step }) => step)).toEqual(['fence', 'arm']);
    expect(entriesToUndo(diedAt('predict'))).toEqual([]);
  });

  test('leave out what an abort that died had taken back', () => {
    const journal = diedAt('drained').map((entry) =>
      entry.step === 'fence' ? { ...entry, state: 'undone' as const } : entry,
    );
    expect(entriesToUndo(journal).map(({ step }) => step)).toEqual(['arm']);
  });

  test('have the fence last, also where it was raised again behind the turn', () => {
    const journal = [...diedAt('flag'), ...diedAt('marker').filter(({ step }) => step === 'fence')];
    expect(entriesToUndo(journal).map(({ step }) => step)).toEqual(['admit', 'turn', 'fence', 'fence', 'arm']);
  });
});

describe('refusalOf', () => {
  const idle: Standing = { pipeline: 'shop', direction: 'forward', serving: 'source', open: null };
  const open = {
    direction: 'forward' as const,
    startedAt: '2026-01-31 12:00:00+00',
    startedBy: 'ada on db1',
    lastStep: 'drained',
  };
  const messageOf = (intent: Intent, standing: Partial<Standing>) =>
    refusalOf(intent, { ...idle, ...standing })?.message;

  test('lets a cutover begin or be tried, and an abort lift what somebody may have left', () => {
    for (const intent of ['begin', 'dry-run', 'abort'] as const) expect(messageOf(intent, {})).toBeUndefined();
    expect(messageOf('resume', {})).toBe('no cutover of the pipeline shop stands open: the old project serves');
  });

  test('lets one that stands open be resumed or undone, and nothing else', () => {
    for (const intent of ['resume', 'abort'] as const) expect(messageOf(intent, { open })).toBeUndefined();
    for (const intent of ['begin', 'dry-run'] as const) {
      expect(messageOf(intent, { open })).toBe(
        'a cutover of the pipeline shop has not ended: begun by ada on db1 at 2026-01-31 12:00:00+00, its last step was drained',
      );
    }
    expect(messageOf('begin', { open: { ...open, lastStep: null } })).toContain('it had not begun a step');
  });

  test('refuses everything once the new project serves', () => {
    for (const intent of ['begin', 'dry-run', 'resume', 'abort'] as const) {
      expect(messageOf(intent, { serving: 'target' })).toBe(
        'the pipeline shop is cut over already: the new project serves',
      );
    }
  });

  test('of a rollback the other way round, and neither takes up what the other began', () => {
    const back = { direction: 'back', serving: 'target' } as const;
    for (const intent of ['begin', 'dry-run', 'abort'] as const) expect(messageOf(intent, back)).toBeUndefined();
    expect(messageOf('resume', back)).toBe('no rollback of the pipeline shop stands open: the new project serves');
    for (const intent of ['begin', 'dry-run', 'resume', 'abort'] as const) {
      expect(messageOf(intent, { direction: 'back' })).toBe(
        'the old project serves: there is nothing of the pipeline shop to roll back',
      );
      const begun = { ...open, direction: 'back' as const };
      expect(refusalOf(intent, { ...idle, serving: 'target', open: begun })).toMatchObject({
        message: expect.stringMatching(/^a rollback of the pipeline shop has not ended: .*drained$/),
        remedy: '`ferry rollback --resume` goes on with it, `ferry rollback --abort` undoes it.',
      });
    }
  });
});
