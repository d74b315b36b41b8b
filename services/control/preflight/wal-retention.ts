import { defineCheck } from './context.js';
import { serverSetting } from './server-setting.js';

/** At 10 MB of WAL a second, a busy server's rate, 10 GiB is a quarter of an hour in which capture may stand still. */
const SMALL_MIB = 10 * 1024;

export const walRetention = defineCheck(
  { name: 'wal-retention', side: 'source', passed: 'the slot may hold WAL' },
  async ({ source }, report) => {
    const mib = Number(await serverSetting(source, 'max_slot_wal_keep_size'));
    if (mib < 0) {
      return [
        report.ok(
          'max_slot_wal_keep_size is unlimited: the slot is never lost, but while capture stands still the WAL grows',
        ),
      ];
    }
    if (mib >= SMALL_MIB) return [report.ok(`the slot may hold ${mib} MiB of WAL`)];
    return [
      report.warn(`max_slot_wal_keep_size is ${mib} MiB: the slot is lost when capture falls behind by more`, {
        remedy: `ALTER SYSTEM SET max_slot_wal_keep_size = '${SMALL_MIB / 1024}GB' or more; SELECT pg_reload_conf()`,
      }),
    ];
  },
);
