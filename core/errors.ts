/** What the process that meets an error does about it, and what the command line exits with when it gives up. */
export interface Policy {
  readonly react: 'retry' | 'halt';
  /** 1 failed, 2 usage or configuration, 3 not ready. */
  readonly exit: 1 | 2 | 3;
  readonly remedy: string;
}

const retry = (remedy: string): Policy => ({ react: 'retry', exit: 1, remedy });
const halt = (remedy: string): Policy => ({ react: 'halt', exit: 1, remedy });
const usage = (remedy: string): Policy => ({ react: 'halt', exit: 2, remedy });
const notReady = (remedy: string): Policy => ({ react: 'halt', exit: 3, remedy });

/** The one table that decides: code -> reaction, exit code and the operator's next step. What is not transient halts. */
export const POLICY = {
  usage: usage('See --help.'),
  'config-invalid': usage('Correct the configuration at the place named.'),
  'env-missing': usage('Export the variable before the command.'),
  'mapping-invalid': usage('Correct the mapping at the place named.'),

  'source-unreachable': retry('Check that the source database is up and reachable from here.'),
  'target-unreachable': retry('Check that the target database is up and reachable from here.'),
  'log-unreachable': retry('Check that the brokers are up and reachable from here.'),
  'connection-lost': retry('Check that both databases are up and reachable from here.'),
  'transient-sql': retry('Nothing to do: the transaction is tried again.'),
  'server-read-only': retry('Bring the primary back under this address: a standby refuses writes.'),
  'log-full': retry('Free space on the disk that holds the log directory.'),
  'schema-changed': retry('Nothing to do: the copy is planned anew and goes on.'),
  'disk-full': retry("Free space on the server's disk."),
  'slot-active': retry('End the other process that reads the slot, or wait until the server notices that it is gone.'),

  'auth-failed': halt('Correct user or password in the connection URL.'),
  'tls-failed': halt('Correct what the message names: certificate, CA, or whether TLS is used at all.'),
  'database-missing': halt('Correct the database name in the connection URL, or create the database.'),
  'privilege-missing': halt('Grant what is named; `ferry check` prints the GRANT.'),
  'wal-level': halt("Set wal_level = logical on the source and restart it: ALTER SYSTEM SET wal_level = 'logical'."),
  'slot-lost': halt(
    'Stop all services, run `ferry resync` and `ferry up`: all is copied again. The target stays readable until then.',
  ),
  'slot-foreign': halt('Drop the slot if nobody needs it, or give the pipeline another name.'),
  'publication-unfit': halt('Add the tables to the publication, or drop it and let capture create it.'),
  'source-unfit': halt('Correct what is named on the source; `ferry check` lists all of it.'),
  'target-unfit': halt('Correct what is named on the target; `ferry check` lists all of it.'),
  'protocol-violation': halt('Report this with the message; the stream cannot be trusted beyond this point.'),
  'table-unmapped': halt(
    'Put the table back into the mapping, or take it out of the pipeline for good: `ferry table remove`.',
  ),
  'mapping-changed': halt(
    'Run `ferry replay --mapping`: it transforms the raw topic again and rebuilds the target. Or put mapping/*.yaml back as it was.',
  ),
  'mapping-refused': halt(
    'Correct the rule at the place named, and nothing is lost: transform goes on from this row where a `map` got more values; for another rule run `ferry replay --mapping`.',
  ),
  'apply-failed': halt('Correct the target or the mapping; apply goes on from this event by itself.'),
  'log-foreign': halt("Use another log directory, or this pipeline's own."),
  'log-corrupt': halt('The log is damaged at the place named: start again with a new log and an empty target.'),
  'log-regressed': halt('Another writer appended to this topic: end it, then start this service again.'),
  'record-too-large': halt("Raise the topic's max.message.bytes, or the brokers' message.max.bytes."),
  'runs-elsewhere': halt(
    'End the other one, or leave the pipeline to it; further machines run `ferry transform` and `ferry apply`.',
  ),
  'checkpoint-fenced': halt('Another instance took this partition over; this one stops.'),
  'cutover-failed': halt(
    'The fence is lifted, and the project that served serves. Correct the cause and run the command again.',
  ),
  'migration-failed': halt('Correct the file; nothing of it was kept.'),
  internal: halt('Report this with the message.'),

  'not-ready': notReady('Wait, or correct what is named, then run the command again.'),
  'migrations-refused': notReady('Correct what is named; nothing was run.'),
  mismatch: notReady(
    'Look at the rows named; `ferry verify --repair` reads them again, `ferry table resnapshot` copies a table again, `ferry replay` rebuilds all from the log.',
  ),
} as const satisfies Record<string, Policy>;

export type ErrorCode = keyof typeof POLICY;

/** Facts of the error: the table, column, LSN, topic, file ... Never a row's values, never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The one error of this project. The message says what happened and to which thing, the code decides the reaction.
 */
export class FerryError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly remedy: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; remedy?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'FerryError';
    this.code = code;
    this.details = options.details ?? {};
    this.remedy = options.remedy ?? POLICY[code].remedy;
  }

  get policy(): Policy {
    return POLICY[this.code];
  }
}

/**
 * What follows on an error. A password that was right may be right again: who has worked with it tries it again.
 * @param hasWorked since the process was started.
 */
export function reactionTo({ code, policy }: FerryError, hasWorked: boolean): Policy['react'] {
  return code === 'auth-failed' && hasWorked ? 'retry' : policy.react;
}

/** Wraps what is not a FerryError yet, so that every place above can rely on code, message and remedy. */
export function toFerryError(error: unknown): FerryError {
  if (error instanceof FerryError) return error;
  return new FerryError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}

export function assertNever(value: never): never {
  throw new FerryError('internal', `unexpected value ${JSON.stringify(value)}`);
}
