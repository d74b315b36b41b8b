import { defineCheck } from './context.js';
import { serverSetting } from './server-setting.js';

/** Capture answers the server's keepalives between batches; a pause of a few seconds there is ordinary. */
const SHORT_MS = 10_000;

export const walSenderTimeout = defineCheck(
  { name: 'wal-sender-timeout', side: 'source', passed: 'wal_sender_timeout leaves capture time to answer' },
  async ({ source }, report) => {
    const ms = Number(await serverSetting(source, 'wal_sender_timeout'));
    if (ms === 0) return [report.ok('wal_sender_timeout is off: the slot of a lost connection stays taken for long')];
    if (ms >= SHORT_MS) return [report.ok(`wal_sender_timeout is ${ms} ms`)];
    return [
      report.warn(`wal_sender_timeout is ${ms} ms: the server drops capture when it is busy for so long`, {
        remedy: "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf()",
      }),
    ];
  },
);
