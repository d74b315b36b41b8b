/** What the old project of the disruptor pipeline says, read there, of what the new one must have. */

/** What the application adds and changes has this mark; all else is the fixture's. */
export const OWN = 'own';

/** The four tables of keys as the mapping reads them, with their rank: the first has precedence. */
export const KEYS = `
  SELECT 1 AS rank, id::text AS key, key_hash AS hash, name, user_id, key_prefix AS prefix, 'standard' AS type,
         CASE WHEN is_active THEN 'active' ELSE 'revoked' END AS status FROM public.api_keys
  UNION ALL SELECT 2, id::text, hash, label, user_id, prefix, 'stored',
         CASE state WHEN 'live' THEN 'active' WHEN 'dead' THEN 'revoked' ELSE 'expired' END FROM public.stored_api_keys
  UNION ALL SELECT 3, id::text, key_hash, name, created_by, key_prefix, 'vendor', status FROM public.vendor_api_keys_v2
  UNION ALL SELECT 4, json_build_array(vendor_code, key_no::text)::text, hash, label, created_by, prefix, 'vendor',
         CASE WHEN is_revoked THEN 'revoked' ELSE 'active' END FROM public.vendor_api_keys`;
/** Of each hash the row that must stand. @param keys rows as those of all four tables. */
export const winners = (keys = KEYS) =>
  `SELECT DISTINCT ON (hash) * FROM (${keys}) AS keys ORDER BY hash, rank, key COLLATE "C"`;

/** Memories as they must be in the new project: those of public, and of maas those that public has not. */
export const MEMORIES = `
  SELECT id, content, type::text, tags, embedding, created_at FROM public.memory_entries
  UNION ALL SELECT id, body,
         CASE kind WHEN 'note' THEN 'note' WHEN 'fact' THEN 'knowledge' WHEN 'file' THEN 'document' ELSE 'context' END,
         string_to_array(labels, ','), embedding, created_at FROM maas.memory_entries m
   WHERE NOT EXISTS (SELECT FROM public.memory_entries p WHERE p.id = m.id)`;

/** What refers to keys that are made: what it is, where it leads in the old project, and where in the new one. */
export const REFERENCES: readonly (readonly [what: string, old: string, now: string])[] = [
  [
    'topics',
    'SELECT t.name, p.name AS parent FROM public.topics t LEFT JOIN public.topics p ON p.id = t.parent_id',
    'SELECT t.name, p.name AS parent FROM security_service.topics t LEFT JOIN security_service.topics p ON p.id = t.parent_id',
  ],
  [
    'topics of memories',
    'SELECT m.id, t.name FROM public.memory_entries m JOIN public.topics t ON t.id = m.topic_id',
    'SELECT m.id, t.name FROM security_service.memory_entries m JOIN security_service.topics t ON t.id = m.topic_id',
  ],
  [
    'who asked for access',
    'SELECT id, requested_by FROM public.mcp_key_access_requests',
    `SELECT r.id, u.user_id AS requested_by FROM security_service.mcp_key_access_requests r
     JOIN security_service.users u ON u.id = r.requested_by`,
  ],
  [
    'whose bills they are',
    'SELECT id, vendor_code, vendor_code AS payer FROM public.vendor_billing_records',
    `SELECT v.id, o.code AS vendor_code, p.code AS payer FROM vendors.billing_records v
     JOIN vendors.organizations o ON o.id = v.organization_id JOIN billing.vendor_billing_records b ON b.id = v.id
     JOIN vendors.organizations p ON p.id = b.vendor_organization_id`,
  ],
  [
    'whose apps they are',
    'SELECT id, vendor_code FROM public.vendor_apps',
    `SELECT a.id, o.code AS vendor_code FROM control_room.apps a
     JOIN vendors.organizations o ON o.id = a.vendor_organization_id`,
  ],
  [
    'the usage of stored keys that stand',
    `SELECT k.hash, u.used_on AS day, u.hits AS calls FROM maas.api_key_usage u
     JOIN public.stored_api_keys k ON k.id = u.stored_key_id WHERE NOT EXISTS (SELECT FROM public.api_keys WHERE key_hash = k.hash)`,
    `SELECT k.key_hash AS hash, u.day, u.calls FROM security_service.key_usage_analytics u
     JOIN security_service.api_keys k ON k.id = u.api_key_id WHERE k.key_type = 'stored'`,
  ],
];
