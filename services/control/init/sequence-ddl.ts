import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { sqlComment } from './ddl-text.js';
import type { MovedSequence } from './plan-sequences.js';

/** CREATE SEQUENCE; an identity column makes its own. Values are set at the cutover. */
export function sequenceDdl({ sequence, target, why }: MovedSequence): string[] {
  if (sequence.isIdentity) return [];
  return [
    `${sqlComment(`${sequence.schema}.${sequence.name}: ${why}`)}\n` +
      `CREATE SEQUENCE IF NOT EXISTS ${quoteName(target)} AS ${sequence.type} ${sequence.options}`,
  ];
}

/** Dropping the table drops its sequence, as at the source; run once the table exists. */
export function sequenceOwnerDdl({ sequence, target, owner }: MovedSequence): string[] {
  if (sequence.isIdentity || !owner || sequence.ownerColumn === null) return [];
  return [
    `ALTER SEQUENCE ${quoteName(target)} OWNED BY ${quoteName(owner.target)}.${quoteIdentifier(sequence.ownerColumn)}`,
  ];
}
