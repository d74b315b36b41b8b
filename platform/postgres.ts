import { TLSSocket } from 'node:tls';
import pg from 'pg';
import { FerryError, toFerryError } from '../core/errors.js';
import type { QualifiedName } from '../core/relation.js';
import { parseConnectionUrl } from './connection-url.js';
import { classifyTls, hasNoTls } from './postgres-tls.js';

export type Side = 'source' | 'target';

/** Settings that decide how most values look as text. */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO,YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
};

/** A peer that is gone without a word is noticed after idle + interval * count. In seconds. */
const KEEPALIVE_S = { idle: 30, interval: 10, count: 3 };

/**
 * Settings that decide how values look as text, how statements are read and how long they may take, pinned for every
 * session of ours, the walsender's too, whatever the database or the role are set to. An empty search_path makes names
 * inside values (regclass ...) come out qualified.
 */
const PINNED: Readonly<Record<string, string>> = {
  ...TEXT_SETTINGS,
  xmlbinary: 'base64',
  // What pg_dump restores with too: document would refuse the fragments that a column may hold.
  xmloption: 'content',
  array_nulls: 'on',
  lc_monetary: 'C',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  search_path: '',
  // Where policies would hide rows from our role, it is an error instead.
  row_security: 'off',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  // A session of ours that died without a word lets go of its locks.
  tcp_keepalives_idle: String(KEEPALIVE_S.idle),
  tcp_keepalives_interval: String(KEEPALIVE_S.interval),
  tcp_keepalives_count: String(KEEPALIVE_S.count),
};

/** `options` of the connection: `-c name=value`, spaces and backslashes escaped. */
export function pinnedOptions(extra: SessionSettings = {}): string {
  return Object.entries<string | null>({ ...PINNED, ...extra })
    .filter((entry): entry is [string, string] => entry[1] !== null)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/([\\ ])/g, '\\$1')}`)
    .join(' ');
}

/** Over the pinned ones; null: as the database and the role have it. */
export type SessionSettings = Readonly<Record<string, string | null>>;

export interface SessionOptions {
  readonly applicationName: string;
  readonly settings?: SessionSettings;
}

/** @param connection as {@link parseConnectionUrl} or {@link settleConnection} reads it out of a URL. */
export function clientConfig(connection: pg.ClientConfig, options: SessionOptions): pg.ClientConfig {
  return {
    ...connection,
    application_name: options.applicationName,
    client_encoding: 'UTF8',
    // The URL's first: of a setting that is given twice the later one counts.
    options: [connection.options, pinnedOptions(options.settings)].filter(Boolean).join(' '),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // The system's default is two hours; what stands between us and the server forgets quiet connections in minutes.
    keepAliveInitialDelayMillis: KEEPALIVE_S.idle * 1_000,
    // Values stay PostgreSQL's text: the default parsers lose microseconds, digits and infinities.
    types: { getTypeParser: () => (value: unknown) => value },
  };
}

/** host:port/database of a URL, for messages; never the user's password. */
export function describeUrl(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname}:${port || 5432}${pathname}`;
  } catch {
    return '(not a URL)';
  }
}

/**
 * Opens a session with pinned settings. Every value of its results is text or null.
 * @throws FerryError, classified: unreachable, wrong password, missing database, TLS.
 */
export async function connect(side: Side, url: string, options: SessionOptions): Promise<pg.Client> {
  const subject = describeSide(side, url);
  try {
    const { config, tlsIsOptional } = parseConnectionUrl(url, subject);
    const settings = clientConfig(config, options);
    return await open(settings).catch((error: unknown) => {
      if (tlsIsOptional && hasNoTls(error)) return open({ ...settings, ssl: false });
      throw error;
    });
  } catch (error) {
    throw classify(side, error, subject);
  }
}

async function open(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  // A session that breaks while idle emits an error that would end the process; the next query reports it.
  client.on('error', () => {});
  await client.connect();
  await client.query(NO_TRANSACTION_TIMEOUT);
  return client;
}

/** A server before PostgreSQL 17 would refuse a connection that named the setting. */
export const NO_TRANSACTION_TIMEOUT = `SELECT pg_catalog.set_config(name, '0', false)
  FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout' AND setting <> '0'`;

/** What a URL says, for a connection that {@link connect} does not open: `sslmode=prefer` is settled by asking. */
export async function settleConnection(side: Side, url: string): Promise<pg.ClientConfig> {
  const { config, tlsIsOptional } = parseConnectionUrl(url, describeSide(side, url));
  if (!tlsIsOptional) return config;
  const asked = await connect(side, url, { applicationName: 'ferry' });
  const ssl = isEncrypted(asked) && config.ssl;
  await asked.end();
  return { ...config, ssl };
}

export function isEncrypted(client: pg.Client): boolean {
  const { connection } = client as unknown as { connection: { stream: object } };
  return connection.stream instanceof TLSSocket;
}

function describeSide(side: Side, url: string): string {
  return `the ${side} database ${describeUrl(url)}`;
}

/** Ends a session; one whose server does not answer any more is cut off. */
export async function endSession(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => cutOff(client), END_WITHIN_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** Ends a session without a word to the server, which may not answer: what it is asked fails as of a lost connection. */
export function cutOff(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  connection.stream.destroy();
}

const END_WITHIN_MS = 2_000;

/** Quotes a name for SQL. */
export function quoteName(name: QualifiedName): string {
  return `${pg.escapeIdentifier(name.schema)}.${pg.escapeIdentifier(name.table)}`;
}

export const quoteIdentifier = pg.escapeIdentifier;
export const quoteLiteral = pg.escapeLiteral;

/**
 * Gives a database error its code. What is not recognised stays as it is: its reaction is to halt.
 * @param subject what was being done, for the message.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function classify(side: Side, error: unknown, subject: string): FerryError {
  if (error instanceof FerryError) return error;
  return nameError(error, subject, side);
}

/**
 * Gives an error that no place has named its code where it is of a database; of which one nobody knows any more. For the
 * edges that react to errors: a connection that broke between two statements is no defect of ours.
 */
export function classifyUnnamed(error: unknown): FerryError {
  if (error instanceof FerryError || !(error instanceof Error)) return toFerryError(error);
  const { code } = error as { code?: string };
  const isOfDatabase = error instanceof pg.DatabaseError || isUnreachable(code ?? '', error.message);
  return isOfDatabase ? nameError(error, 'a database') : toFerryError(error);
}

/** @param side undefined where it is not known. */
function nameError(error: unknown, subject: string, side?: Side): FerryError {
  const unreachable = side ? (`${side}-unreachable` as const) : 'connection-lost';
  const cause = error as Error & { code?: string };
  const code = cause.code ?? '';
  const message = `${subject}: ${cause.message || code || 'no answer'}`;
  const options = { cause: error, details: { side, sqlstate: code || undefined } };
  // Without its cause: that has the URL, and the URL the password.
  if (code === 'ERR_INVALID_URL' || error instanceof URIError) {
    return new FerryError(
      'config-invalid',
      `${subject}: not a URL such as postgres://user:password@host:5432/database`,
      {
        details: { side },
        remedy: 'Correct the URL; what is special in a URL must be percent-encoded in user and password.',
      },
    );
  }
  const tls = classifyTls(cause, subject, options.details);
  if (tls) return tls;
  if (code === '28P01') return new FerryError('auth-failed', message, options);
  if (code === '28000') return new FerryError('auth-failed', message, { ...options, remedy: NOT_LET_IN });
  if (code === '3D000') return new FerryError('database-missing', message, options);
  if (code === '42501') return new FerryError('privilege-missing', message, options);
  if (code === '25006') return new FerryError('server-read-only', message, options);
  if (code === '53300') {
    return new FerryError(unreachable, message, { ...options, remedy: TOO_MANY_CONNECTIONS });
  }
  if (code === '53100') return new FerryError('disk-full', message, options);
  if (code === '55006') return new FerryError('slot-active', message, options);
  if (TRANSIENT_SQL.has(code)) return new FerryError('transient-sql', message, options);
  if (isUnreachable(code, cause.message)) return new FerryError(unreachable, message, options);
  return new FerryError('internal', message, options);
}

/** The server's pg_hba.conf, or a role that may not log in; the reason is in the server's language. */
const NOT_LET_IN =
  'Correct user, database or sslmode in the connection URL (a server that demands TLS says "no encryption" and takes ' +
  "sslmode=verify-full; a client certificate goes into sslcert and sslkey), or the server's pg_hba.conf.";

const TOO_MANY_CONNECTIONS =
  "End sessions that nobody needs, or raise max_connections or the role's connection limit: it is tried again until there is room.";

/**
 * Deadlock, serialization, lock, statement and transaction timeouts, memory: the same transaction may succeed when it is
 * tried again.
 */
const TRANSIENT_SQL = new Set(['40001', '40P01', '55P03', '57014', '25P03', '25P04', '53200', '53400']);

function isUnreachable(code: string, message: string): boolean {
  return (
    // Class 08 connection exceptions, 57P admin and crash shutdowns.
    /^08/.test(code) ||
    /^57P0[1-5]$/.test(code) ||
    /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/.test(code) ||
    /Connection terminated|timeout expired|timeout exceeded|read timeout|not queryable|connection error|establishing an SSL connection|server closed/i.test(
      message,
    )
  );
}
