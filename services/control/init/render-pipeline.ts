import { literal } from '../../../core/config/env-references.js';
import { environment, yamlText } from '../../../core/config/yaml-text.js';
import type { LeftTable } from './assign-tables.js';

/** The text of `pipeline.yaml`; connection URLs stay in the environment. */
export function renderPipeline(options: {
  readonly name: string;
  /** host:port list; undefined leaves the choice to the environment. */
  readonly brokers: string | undefined;
  /** Tables that no --map names. */
  readonly left: readonly LeftTable[];
}): string {
  const value = {
    pipeline: options.name,
    source: { url: environment('SOURCE_URL') },
    target: { url: environment('TARGET_URL') },
    log: {
      brokers: options.brokers === undefined ? environment('KAFKA_BROKERS:-') : literal(options.brokers),
      tls: {
        ca: environment('KAFKA_TLS_CA:-'),
        cert: environment('KAFKA_TLS_CERT:-'),
        key: environment('KAFKA_TLS_KEY:-'),
      },
      sasl: {
        mechanism: environment('KAFKA_SASL_MECHANISM:-'),
        username: environment('KAFKA_SASL_USERNAME:-'),
        password: environment('KAFKA_SASL_PASSWORD:-'),
      },
    },
  };
  return yamlText(value, {
    head: ['One source, one target; the mapping is beside this file in mapping/, one file a domain schema.'],
    entries: [
      {
        path: ['source'],
        lines: ['The old project. The role needs REPLICATION and SELECT; `ferry check` says what is missing.'],
      },
      {
        path: ['target'],
        lines: ['The new project. Checkpoints and the cutover flag are kept there, in the schema ferry.'],
      },
      {
        path: ['log'],
        lines: ['Kafka brokers, host:port,host:port. Without any, the log is a directory on this machine.'],
      },
      {
        path: ['log', 'tls'],
        lines: ['PEM files, for brokers with TLS; `ca: system` trusts the CAs that everybody does.'],
      },
      {
        path: ['log', 'sasl'],
        lines: ['For brokers that ask for a user; mechanism: plain, scram-sha-256 or scram-sha-512.'],
      },
    ],
    tail: leftLines('Tables that are in no mapping, and so are not moved:', options.left),
  });
}

/** A list for a comment; empty when there is nothing to list. */
export function leftLines(title: string, left: readonly LeftTable[]): string[] {
  return left.length === 0 ? [] : [title, ...left.map(({ table, reason }) => `  ${table}: ${reason}`)];
}
