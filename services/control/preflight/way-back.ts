import { formatOneWay } from '../../../core/mapping/invert/one-way.js';
import { readInverse } from '../way-back/inverse.js';
import { defineCheck } from './context.js';
import { counted } from './finding.js';

/** What of the new project's writes would not come back to the old one. It stands against nothing: it is to be known. */
export const wayBack = defineCheck(
  { name: 'way-back', side: 'target', passed: 'the mapping can be inverted: no write of the new project is one-way' },
  async (context, report) => {
    const { wayBackOf } = context.pipeline;
    if (wayBackOf) return [report.ok(`it is the way back of ${wayBackOf.name}`)];
    const { oneWay, missing } = await readInverse(context);
    return [
      ...oneWay.map((one) => report.ok(formatOneWay(one), { object: one.target })),
      ...(missing.length === 0
        ? []
        : [report.ok(`not known yet for ${counted(missing.length, 'table')} of which a side is missing`)]),
    ];
  },
);
