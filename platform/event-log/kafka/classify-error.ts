import { type ErrorDetails, FerryError } from '../../../core/errors.js';

/** What kafkajs throws, as far as it tells one thing from another. */
interface KafkajsError extends Error {
  /** Kafka's name of a protocol error. */
  readonly type?: string;
  readonly retriable?: boolean;
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

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
const AUTHENTICATION = new Set(['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE']);
const SETTINGS = new Set(['INVALID_REPLICATION_FACTOR', 'INVALID_PARTITIONS', 'INVALID_CONFIG', 'POLICY_VIOLATION']);

/**
 * Gives an error of kafkajs its code. What is not recognised as passing halts.
 * @param subject what was being done to which thing, for the message: `append to shop.raw/0`.
 */
export function classifyKafkaError(error: unknown, subject: string, details: ErrorDetails = {}): FerryError {
  if (error instanceof FerryError) return error;
  const root = rootOf(error as KafkajsError);
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
  if (AUTHENTICATION.has(type) || root.name === 'KafkaJSSASLAuthenticationError') {
    return new FerryError('auth-failed', message, { ...options, remedy: 'Correct the Kafka user or password.' });
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
  const passing = PRODUCER_STATE.has(type) || (isKafkajsError(root) && root.retriable !== false);
  return new FerryError(passing ? 'log-unreachable' : 'internal', message, options);
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
