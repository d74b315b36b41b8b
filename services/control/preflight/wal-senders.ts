import { defineCheck, objectName } from './context.js';
import { serverSetting } from './server-setting.js';

export const walSenders = defineCheck(
  { name: 'wal-senders', side: 'source', passed: 'a WAL sender is free' },
  async (context, report) => {
    const { rows } = await context.source.query<{ used: string; ours: string }>(
      `SELECT (SELECT count(*) FROM pg_stat_replication) AS used,
              (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1 AND active) AS ours`,
      [objectName(context)],
    );
    const most = Number(await serverSetting(context.source, 'max_wal_senders'));
    const { used, ours } = rows[0]!;
    if (Number(used) < most || ours !== '0') return [];
    return [
      report.error(`all ${most} WAL senders are in use`, {
        remedy: `End one, or ALTER SYSTEM SET max_wal_senders = ${most + 4}; then restart the server`,
      }),
    ];
  },
);
