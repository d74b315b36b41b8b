import { type logCreator, logLevel } from 'kafkajs';
import type { Logger } from '../../logger.js';

/** A repeating report is passed on this often: kafkajs repeats itself at every try. */
const REPEAT_AFTER_MS = 60_000;

const DROPPED: readonly RegExp[] = [
  // Said at the start of each idempotent producer with bounded retries. Ours is thrown away after its last try.
  /^Limiting retries for the idempotent producer/,
  // An error that a broker answered with: it is thrown as well, to who made the request and knows what it means.
  /^Response \w+\(key: /,
  // A user, a mechanism or SASL at all that was refused.
  /\bSASL (state$|.*(failed|not supported))/,
];

/**
 * Passes the warnings and errors of kafkajs on to our logger. Both become warnings: the call that meets the trouble
 * decides how grave it is.
 */
export function routeClientLog(logger: Logger, now: () => number = () => performance.now()): logCreator {
  const lastAt = new Map<string, number>();
  return () =>
    ({ namespace, level, log }) => {
      if (level > logLevel.WARN || DROPPED.some((pattern) => pattern.test(log.message))) return;
      const subject = `${namespace}: ${log.message}`;
      const last = lastAt.get(subject);
      if (last !== undefined && now() - last < REPEAT_AFTER_MS) return;
      lastAt.set(subject, now());
      logger.warn(
        { component: namespace, report: log.message, broker: log.broker, error: log.error },
        'kafka client report',
      );
    };
}
