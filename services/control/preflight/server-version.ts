import type { Side } from '../../../platform/postgres.js';
import { type Check, defineCheck } from './context.js';
import { serverSetting } from './server-setting.js';

/** pgoutput carries logical messages, our watermarks and heartbeats, since PostgreSQL 14. */
const OLDEST = 140_000;

function serverVersion(side: Side): Check {
  return defineCheck(
    { name: 'server-version', side, passed: 'PostgreSQL is recent enough' },
    async (context, report) => {
      const version = await serverSetting(context[side], 'server_version');
      if (Number(await serverSetting(context[side], 'server_version_num')) >= OLDEST) {
        return [report.ok(`PostgreSQL ${version}`)];
      }
      return [
        report.error(`PostgreSQL ${version} is too old: 14 is the oldest that works`, {
          remedy: 'Upgrade the server to PostgreSQL 14 or later.',
        }),
      ];
    },
  );
}

export const sourceVersion = serverVersion('source');
export const targetVersion = serverVersion('target');
