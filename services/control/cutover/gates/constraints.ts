import { quoteName } from '../../../../platform/postgres.js';
import type { Gate } from './gate.js';

const COUNT_SQL = `
WITH tables AS (SELECT pg_catalog.to_regclass(name)::oid AS oid FROM unnest($1::text[]) name)
SELECT (SELECT count(*) FROM pg_catalog.pg_constraint c JOIN tables t ON t.oid = c.conrelid) AS constraints,
       (SELECT count(*) FROM pg_catalog.pg_index i JOIN tables t ON t.oid = i.indrelid) AS indexes,
       array_to_json(ARRAY(SELECT format('%s of %s', c.conname, c.conrelid::regclass) FROM pg_catalog.pg_constraint c
         JOIN tables t ON t.oid = c.conrelid WHERE NOT c.convalidated ORDER BY 1)) AS unvalidated,
       array_to_json(ARRAY(SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i
         JOIN tables t ON t.oid = i.indrelid WHERE NOT i.indisvalid OR NOT i.indisready ORDER BY 1)) AS invalid`;

/** A constraint that is NOT VALID holds for new rows only, and an invalid index serves nobody. */
export const constraintsGate: Gate = {
  name: 'constraints',
  mayPass: false,
  async look({ pipeline, target, ahead, afterCopy }) {
    const names = pipeline.tables.map((table) => quoteName(table.target));
    const { rows } = await target.query<Record<string, string>>(COUNT_SQL, [names]);
    const { constraints, indexes } = rows[0]!;
    const unvalidated = (JSON.parse(rows[0]!.unvalidated!) as string[]).map((name) => `${name} is not validated`);
    const invalid = (JSON.parse(rows[0]!.invalid!) as string[]).map((name) => `the index ${name} is not valid`);
    const problems = [...unvalidated, ...invalid];
    const counted = `${constraints} constraints and ${indexes} indexes`;
    if (problems.length === 0) return { isOpen: true, figure: `${counted}, all valid` };
    const pending = ahead.has('constraints') ? await afterCopy.check() : '';
    if (pending) return { isOpen: true, figure: `not yet: ${problems.join(', ')}; ${pending}` };
    return {
      isOpen: false,
      figure: problems.join(', '),
      remedy: 'ALTER TABLE ... VALIDATE CONSTRAINT, REINDEX INDEX CONCURRENTLY.',
    };
  },
};
