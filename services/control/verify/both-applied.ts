import type { ClientBase } from 'pg';
import { parseLsn } from '../../../core/lsn.js';
import type { AppliedProbe } from './applied-probe.js';

/**
 * While applications write to the target, too, a row of it may be ahead of the source: that it is not only on its way is
 * known once the other direction has brought what the target had.
 */
export function bothApplied(probes: { forward: AppliedProbe; back: AppliedProbe }, target: ClientBase): AppliedProbe {
  return {
    async waitUntilApplied(lsn, signal) {
      const { rows } = await target.query<{ lsn: string }>('SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn');
      await probes.forward.waitUntilApplied(lsn, signal);
      await probes.back.waitUntilApplied(parseLsn(rows[0]!.lsn), signal);
    },
  };
}
