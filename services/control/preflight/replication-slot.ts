import { quoteLiteral } from '../../../platform/postgres.js';
import { defineCheck, objectName } from './context.js';
import type { Finding, Report } from './finding.js';
import { jsonRows } from './json-rows.js';
import { currentDatabase, serverSetting } from './server-setting.js';

interface Slot {
  readonly name: string;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly active: boolean;
  readonly walStatus: string | null;
}

/** One slot is free, or the pipeline's own exists and is whole. */
export const replicationSlot = defineCheck(
  { name: 'replication-slot', side: 'source', passed: 'a replication slot is free' },
  async (context, report) => {
    const slots = await jsonRows<Slot>(
      context.source,
      `SELECT slot_name AS name, plugin, database, active, wal_status AS "walStatus" FROM pg_replication_slots ORDER BY 1`,
    );
    const ours = slots.find((slot) => slot.name === objectName(context));
    if (ours) return [ownSlot(ours, await currentDatabase(context.source), report)];
    const most = Number(await serverSetting(context.source, 'max_replication_slots'));
    return slots.length < most ? [] : [noneFree(slots, most, report)];
  },
);

function ownSlot(slot: Slot, database: string, report: Report): Finding {
  const drop = `SELECT pg_drop_replication_slot(${quoteLiteral(slot.name)}) if nobody needs it, or give the pipeline another name`;
  if (slot.plugin !== 'pgoutput' || slot.database !== database) {
    const what = slot.plugin === null ? 'a physical slot' : `of plugin ${slot.plugin} in database ${slot.database}`;
    return report.error(`the slot ${slot.name} exists already and is ${what}`, { object: slot.name, remedy: drop });
  }
  if (slot.walStatus === 'lost') {
    return report.error(`the slot ${slot.name} has lost WAL that it still needs`, {
      object: slot.name,
      remedy: 'Start again with a new pipeline name and an empty target.',
    });
  }
  const state = slot.active ? 'is in use by capture' : 'waits for capture';
  return report.ok(`the pipeline's own slot ${slot.name} exists and ${state}`, { object: slot.name });
}

function noneFree(slots: readonly Slot[], most: number, report: Report): Finding {
  const idle = slots.filter((slot) => !slot.active).map((slot) => slot.name);
  return report.error(
    `all ${most} replication slots are taken${idle.length > 0 ? `; nobody reads ${idle.join(', ')}` : ''}`,
    { remedy: `Drop a slot that nobody needs, or ALTER SYSTEM SET max_replication_slots = ${most + 4}; then restart` },
  );
}
