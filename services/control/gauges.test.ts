import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { type Measurement, pipelineGauges, STALE_AFTER_MS } from './gauges.js';

const UNKNOWN = { bytes: null, seconds: null };

function measurement(changes: Partial<Measurement['status']> = {}): Measurement {
  return {
    slot: { retainedBytes: 4_096, headroomBytes: null, activePid: null },
    status: {
      pipeline: 'shop',
      at: '2025-01-01T00:00:00.000Z',
      phase: 'streaming',
      serving: 'source',
      openCutover: null,
      openReplay: null,
      rolloutPercent: 0,
      lag: {
        bytes: 7,
        seconds: null,
        captured: { bytes: 0, seconds: 0 },
        transformed: UNKNOWN,
        applied: { bytes: 7, seconds: null },
      },
      tables: [],
      services: [{ service: 'apply', state: 'halted', instances: 1, rate: null, http: null, error: null }],
      ledger: null,
      errors: [],
      unmapped: [],
      nextSteps: [],
      ...changes,
    },
  };
}

async function series(registry: Registry): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.endsWith(' 0'));
}

test('what is known has a value, what is unknown is absent', async () => {
  const registry = new Registry();
  pipelineGauges(registry).set(measurement());
  expect(await series(registry)).toEqual([
    'ferry_lag_bytes{stage="applied"} 7',
    'ferry_phase{phase="streaming"} 1',
    'ferry_service_state{name="apply",state="halted"} 1',
    'ferry_slot_retained_bytes 4096',
  ]);
  expect(await registry.metrics()).toContain('ferry_lag_seconds{stage="captured"} 0');
  expect(await registry.metrics()).not.toMatch(/^ferry_(dead_letters|ledger_balanced|slot_headroom_bytes) /m);
});

test('before the first measurement, and when the last one is old, all is unknown', async () => {
  const registry = new Registry();
  let at = 0;
  const gauges = pipelineGauges(registry, () => at);
  const unknown = ['ferry_phase{phase="unknown"} 1'];
  expect(await series(registry)).toEqual(unknown);
  gauges.set(measurement());
  expect(await series(registry)).not.toEqual(unknown);
  at = STALE_AFTER_MS;
  expect(await series(registry)).toEqual(unknown);
  expect(await registry.metrics()).not.toMatch(/^ferry_(lag|tables|serving|slot)\w+({.*})? /m);
});

test('another attempt takes the gauges over', async () => {
  const registry = new Registry();
  pipelineGauges(registry).set(measurement());
  pipelineGauges(registry).set(measurement({ phase: 'cut-over' }));
  expect(await series(registry)).toContain('ferry_phase{phase="cut-over"} 1');
});
