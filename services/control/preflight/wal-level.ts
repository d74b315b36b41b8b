import { defineCheck } from './context.js';
import { serverSetting } from './server-setting.js';

export const walLevel = defineCheck(
  { name: 'wal-level', side: 'source', passed: 'wal_level is logical' },
  async ({ source }, report) => {
    const level = await serverSetting(source, 'wal_level');
    if (level === 'logical') return [];
    return [
      report.error(`wal_level is ${level}; capture needs logical`, {
        remedy: "ALTER SYSTEM SET wal_level = 'logical'; then restart the server",
      }),
    ];
  },
);
