import { planSequences } from '../sequences.js';
import type { Gate } from './gate.js';

/** Every sequence that a mapped table draws from can be read on the source, and set on the target. */
export const sequencesGate: Gate = {
  name: 'sequences',
  mayPass: false,
  async look({ pipeline, source, target }) {
    const settings = await planSequences(source, target, pipeline);
    const { rows } = await target.query<{ name: string }>(
      "SELECT name FROM unnest($1::text[]) name WHERE NOT pg_catalog.has_sequence_privilege(name, 'UPDATE') ORDER BY 1",
      [settings.map(({ sequence }) => sequence)],
    );
    if (rows.length === 0) return { isOpen: true, figure: `${settings.length} in use, all readable` };
    const names = rows.map(({ name }) => name);
    return {
      isOpen: false,
      figure: `${names.join(', ')} may not be set by our role`,
      remedy: `On the target: GRANT USAGE, SELECT, UPDATE ON SEQUENCE ${names.join(', ')} TO CURRENT_USER.`,
    };
  },
};
