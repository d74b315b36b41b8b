import { type ErrorDetails, FerryError } from '../../../core/errors.js';
import { kafkaTlsFault, TLS_REMEDY } from './tls-watch.js';

/** What kafkajs throws, as far as it tells one thing from another. */
interface KafkajsError extends Error {
  /** Kafka's name of a protocol error. */
  readonly type?: string;
  readonly retriable?: boolean;
  /** Of the socket, for an error about a connection. */
  readonly code?: string | number;
  readonly errors?: readonly Error[];
}

/** Errors that end with the producer they happened to; the next one starts with a new id. */
const PRODUCER_STATE = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
  'BROKER_NOT_AVAILABLE',
]);

/** Called final by kafkajs once it has tried a few times; a broker that is busy or starts needs longer. */
const PASSING = new Set(['KafkaJSGroupCoordinatorNotFound']);

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** What SASL ended with -> what to do about it; anything else is about user and password. */
const AUTHENTICATION: Readonly<Record<string, string>> = {
  SASL_AUTHENTICATION_FAILED: 'Correct user or password in log.sasl.',
  UNSUPPORTED_SASL_MECHANISM: 'Name a mechanism in log.sasl.mechanism that the brokers take.',
  ILLEGAL_SASL_STATE: 'This port takes no SASL: leave log.sasl out, or name the port that takes it.',
};
const SETTINGS = new Set(['INVALID_REPLICATION_FACTOR', 'INVALID_PARTITIONS', 'INVALID_CONFIG', 'POLICY_VIOLATION']);

/**
 * Gives an error of kafkajs its code. What is not recognised as passing halts.
 * @param subject what was being done to which thing, for the message: `append to shop.raw/0`.
 */
export function classifyKafkaError(error: unknown, subject: string, details: ErrorDetails = {}): FerryError {
  if (error instanceof FerryError) return error;
  const root = rootOf(error as KafkajsError);
  if (isSilence(root))
    return new FerryError('log-unreachable', `${subject}: no broker answers`, { cause: error, details });
  const type = root.type ?? '';
  const message = `${subject}: ${type ? `${type}, ` : ''}${root.message || 'no answer'}`;
  const options = { cause: error, details: { ...details, kafkaError: type || undefined } };
  if (TOO_LARGE.has(type)) return new FerryError('record-too-large', message, options);
  if (type.endsWith('AUTHORIZATION_FAILED')) {
    return new FerryError('privilege-missing', message, {
      ...options,
      remedy: 'Grant it by an ACL of the Kafka cluster.',
    });
  }
  if (AUTHENTICATION[type] || root.name === 'KafkaJSSASLAuthenticationError') {
    const remedy = AUTHENTICATION[type] ?? AUTHENTICATION.SASL_AUTHENTICATION_FAILED!;
    return new FerryError('auth-failed', message, { ...options, remedy });
  }
  const fault = kafkaTlsFault(root.code);
  if (fault) {
    const code = fault === 'files' ? 'config-invalid' : 'tls-failed';
    return new FerryError(code, message, { ...options, remedy: TLS_REMEDY[fault] });
  }
  if (SETTINGS.has(type)) {
    return new FerryError('config-invalid', message, { ...options, remedy: 'Correct `log` in pipeline.yaml.' });
  }
  if (type === 'OFFSET_OUT_OF_RANGE') {
    return new FerryError('log-corrupt', `${subject}: the topic does not hold this offset (any more)`, {
      ...options,
      remedy: 'The topic was shortened or made anew: start again with a new pipeline name and an empty target.',
    });
  }
  const passing =
    PRODUCER_STATE.has(type) || PASSING.has(root.name) || (isKafkajsError(root) && root.retriable !== false);
  if (!passing) return new FerryError('internal', message, options);
  return new FerryError('log-unreachable', message, isHangUp(root) ? { ...options, remedy: HUNG_UP } : options);
}

/** A broker that goes down ends connections so, and one that wants other security than it got: nothing else is said. */
function isHangUp({ message }: KafkajsError): boolean {
  return /closed connection|connection closed by the server|before secure TLS connection/i.test(message);
}

const HUNG_UP =
  'Check that the brokers are up; they also end connections without a word where log.tls or log.sasl does not fit the port.';

/**
 * Where a broker does not answer for long, kafkajs reads the answer all the same (its issue 549), or asks over a
 * connection that it has closed itself.
 */
function isSilence({ message }: Error): boolean {
  return /^Cannot read properties of null .*topicMetadata/.test(message) || message === 'Broker not connected';
}

/** kafkajs wraps the error in one that says how often it tried; a topic's failure comes in a list of them. */
function rootOf(error: KafkajsError): KafkajsError {
  let root = error;
  while (!root.type) {
    const inner = (root.errors?.[0] ?? root.cause) as KafkajsError | undefined;
    if (!(inner instanceof Error)) break;
    root = inner;
  }
  return root;
}

function isKafkajsError(error: KafkajsError): boolean {
  return error.name.startsWith('KafkaJS');
}
