import { PROJECT, SERVES_AFTER } from '../direction.js';
import { planSequences } from '../sequences.js';
import type { Gate } from './gate.js';

/** Every sequence that a mapped table draws from can be read where it serves, and set where it is to serve. */
export const sequencesGate: Gate = {
  name: 'sequences',
  mayPass: false,
  async look({ pipeline, source, target, direction }) {
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
      remedy: `In ${PROJECT[SERVES_AFTER[direction]]}: GRANT USAGE, SELECT, UPDATE ON SEQUENCE ${names.join(', ')} TO CURRENT_USER.`,
    };
  },
};
