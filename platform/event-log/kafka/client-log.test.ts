import { logLevel } from 'kafkajs';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { routeClientLog } from './client-log.js';

let lines: Record<string, unknown>[];
let clockMs: number;
let report: (level: logLevel, message: string) => void;

beforeEach(() => {
  lines = [];
  clockMs = 0;
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const write = routeClientLog(logger, () => clockMs)(logLevel.WARN);
  report = (level, message) =>
    write({
      namespace: 'Connection',
      level,
      label: '',
      log: { timestamp: '', logger: 'kafkajs', message, broker: 'b:1' },
    });
});

test('warnings and errors become warnings, chatter is dropped', () => {
  report(logLevel.ERROR, 'Connection timeout');
  report(logLevel.WARN, 'Response without match');
  report(logLevel.INFO, 'Consumer has joined the group');
  expect(lines).toMatchObject([
    { level: 40, component: 'Connection', report: 'Connection timeout', broker: 'b:1' },
    { level: 40, report: 'Response without match' },
  ]);
});

test('what repeats is said once a minute', () => {
  for (clockMs of [0, 1_000, 59_000, 60_000, 61_000]) report(logLevel.ERROR, 'Connection timeout');
  expect(lines.length).toBe(2);
});

test('what is thrown to the caller as well is not said', () => {
  report(logLevel.ERROR, 'Response Metadata(key: 3, version: 6)');
  report(logLevel.ERROR, 'SASL SCRAM SHA256 authentication failed: invalid credentials');
  report(logLevel.ERROR, 'SASL PLAIN mechanism is not supported by the server');
  report(logLevel.ERROR, 'Failed to connect: Request is not valid given the current SASL state');
  report(logLevel.WARN, 'Limiting retries for the idempotent producer may invalidate EoS guarantees');
  expect(lines).toEqual([]);
});
