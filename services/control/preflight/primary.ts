import type { Side } from '../../../platform/postgres.js';
import { NEEDS_PRIMARY, namePrimary, readStandby } from '../../../platform/standby.js';
import { type Check, defineCheck } from './context.js';

const WHY: Readonly<Record<Side, string>> = { source: NEEDS_PRIMARY, target: 'it takes no writes' };

function primary(side: Side): Check {
  return defineCheck({ name: 'primary', side, passed: 'the server is a primary' }, async (context, report) => {
    const standby = await readStandby(context[side]);
    if (!standby) return [];
    return [report.error(`the ${side} is a standby: ${WHY[side]}`, { remedy: namePrimary(side, standby) })];
  });
}

export const sourcePrimary = primary('source');
export const targetPrimary = primary('target');
