import type { Side } from '../../../platform/postgres.js';
import { type Check, defineCheck } from './context.js';

const WHY: Readonly<Record<Side, string>> = {
  source: 'heartbeats and the watermarks of the snapshot are written into its WAL, which only the primary can',
  target: 'it takes no writes',
};

function primary(side: Side): Check {
  return defineCheck({ name: 'primary', side, passed: 'the server is a primary' }, async (context, report) => {
    const { rows } = await context[side].query<{ standby: string }>('SELECT pg_is_in_recovery()::text AS standby');
    if (rows[0]!.standby !== 'true') return [];
    return [report.error(`the ${side} is a standby: ${WHY[side]}`, { remedy: `Name the primary in ${side}.url.` })];
  });
}

export const sourcePrimary = primary('source');
export const targetPrimary = primary('target');
