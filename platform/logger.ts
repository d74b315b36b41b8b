import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/**
 * One JSON line a message on standard error, readable lines at a terminal, so that a command's own output stays alone
 * on standard output. Connection URLs never reach it: only their
 * host and database do (see `describeUrl`).
 */
export function createLogger(service: string, destination?: DestinationStream): Logger {
  return pino(
    { base: { service }, level: process.env.FERRY_LOG_LEVEL ?? 'info', timestamp: pino.stdTimeFunctions.isoTime },
    destination ?? standardError(),
  );
}

function standardError(): DestinationStream {
  if (!process.stderr.isTTY) return pino.destination({ fd: 2, sync: true });
  // Only where a person looks: loading it takes longer than all else that a service does before it connects.
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: object) => DestinationStream;
  return pretty({ destination: 2, sync: true, translateTime: 'HH:MM:ss', colorize: true });
}

export const silentLogger: Logger = pino({ level: 'silent' });
