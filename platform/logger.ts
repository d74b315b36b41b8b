import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/**
 * One JSON line a message on standard error, so that a command's own output stays alone on standard output.
 * Connection URLs never reach it: only their host and database do (see `describeUrl`).
 */
export function createLogger(service: string, destination?: DestinationStream): Logger {
  return pino(
    { base: { service }, level: process.env.FERRY_LOG_LEVEL ?? 'info', timestamp: pino.stdTimeFunctions.isoTime },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

export const silentLogger: Logger = pino({ level: 'silent' });
