import type { Side } from '../../../platform/postgres.js';
import { type Check, defineCheck } from './context.js';
import { serverSetting } from './server-setting.js';

function encoding(side: Side): Check {
  return defineCheck({ name: 'encoding', side, passed: 'the encoding is UTF8' }, async (context, report) => {
    const name = await serverSetting(context[side], 'server_encoding');
    if (name === 'UTF8') return [];
    return [
      report.warn(
        `the encoding is ${name}: text that UTF8 cannot carry, or this encoding cannot hold, halts the pipeline`,
        {
          remedy: 'A new database with ENCODING UTF8 is safe.',
        },
      ),
    ];
  });
}

export const sourceEncoding = encoding('source');
export const targetEncoding = encoding('target');
