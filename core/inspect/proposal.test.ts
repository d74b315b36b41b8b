import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CROWDED, DIVIDED, GROWN } from '../../test/support/crowded-schemas.js';
import { tablesOf } from '../../test/support/table-lines.js';
import { likePairs, nearDuplicates, type ValueSamples } from './near-duplicates.js';
import { type Proposal, propose } from './proposal.js';
import type { Reference, TableFacts } from './table-facts.js';

function proposalFor(lines: string, taken: readonly string[] = []): Proposal {
  return proposalOf(tablesOf(lines), taken);
}

function proposalOf(
  { tables, references }: { readonly tables: readonly TableFacts[]; readonly references: readonly Reference[] },
  taken: readonly string[] = [],
): Proposal {
  const pairs = likePairs(tables, references);
  const namespaceOf = (name: string) => `namespace of ${name}`;
  return propose({ tables, references, pairs, samples: new Map(), taken: new Set(taken), namespaceOf });
}

/** Schema -> tables without their schemas, but for those that are not in public. */
function domainsOf({ domains }: Proposal): Record<string, string[]> {
  return Object.fromEntries(
    domains.map(({ schema, tables }) => [schema, tables.map((name) => name.replace('public.', ''))]),
  );
}

describe('a project that has grown for years', () => {
  const proposal = proposalFor(CROWDED, ['auth']);
  const domains = domainsOf(proposal);

  test('becomes domains that its people would draw', () => {
    expect(domains).toEqual({
      security: [
        ...['api_key_projects', 'api_keys', 'key_rotation_policies', 'key_security_events', 'key_usage_analytics'],
        ...['mcp_key_audit_log', 'mcp_key_sessions', 'mcp_key_tools'],
        ...['stored_api_keys', 'vendor_api_keys', 'vendor_api_keys_v2'],
      ],
      billing: [
        ...['beneficiaries', 'bulk_payments', 'invoices', 'payment_audit', 'payment_items'],
        ...['stripe_connect_accounts', 'subscriptions'],
      ],
      analytics: ['core.usage_tracking', 'ai_usage_logs', 'search_analytics', 'system_error_logs', 'webhook_logs'],
      // The platform keeps `auth` for itself.
      app_auth: ['auth_events', 'oauth_authorization_codes', 'oauth_clients', 'oauth_sessions', 'oauth_tokens'],
      memory: ['maas.memory_entries', 'memory_chunks', 'memory_entries', 'memory_topics', 'memory_versions'],
      chat: ['chat_embeddings', 'chat_sessions', 'conversations', 'messages'],
      commerce: ['order_items', 'orders', 'product_recommendations', 'products'],
      vendors: ['vendor_sessions', 'vendor_usage_logs', 'vendors'],
      shared: ['organizations', 'profiles', 'user_settings', 'users'],
    });
  });

  test('its four tables of API keys are really one', () => {
    const [memories, keys, ...others] = proposal.merges;
    expect(others).toEqual([]);
    expect(memories).toMatchObject({
      into: 'memory_entries',
      tables: ['public.memory_entries', 'maas.memory_entries'],
    });
    expect(keys).toMatchObject({
      into: 'api_keys',
      tables: ['public.vendor_api_keys_v2', 'public.api_keys', 'public.stored_api_keys', 'public.vendor_api_keys'],
      obstacles: [],
    });
    expect(keys!.columns).toContainEqual({
      name: 'key_hash',
      from: Object.fromEntries(keys!.tables.map((table) => [table, 'key_hash'])),
    });
    expect(keys!.columns).toContainEqual({ name: 'provider', from: { 'public.stored_api_keys': 'provider' } });
    expect(keys!.columns.find(({ name }) => name === 'name')!.from['public.vendor_api_keys']).toBe('key_name');
  });
});

test('one product stays one domain, beside what everybody refers to', () => {
  const { content, ...others } = domainsOf(proposalFor(GROWN));
  expect(content).toHaveLength(12);
  expect(others).toEqual({ shared: ['activity_log', 'users'] });
  expect(proposalFor(GROWN).merges).toEqual([]);
});

test('where there are domains already, they stay', () => {
  const { tables } = tablesOf(DIVIDED);
  for (const { schema, tables: names } of proposalFor(DIVIDED).domains) {
    expect(names).toEqual(
      tables
        .filter((table) => table.schema === schema)
        .map(({ name }) => name)
        .sort(),
    );
  }
});

describe('values', () => {
  const { tables, references } = tablesOf(`
public.people: id uuid, mail text, town text, kind text, born date
public.contact_people: id uuid, mail text, town text, label text, phone text`);
  const likely = (samples: ValueSamples) => nearDuplicates(likePairs(tables, references), samples).length;
  const sample = (mails: readonly string[]) =>
    new Map([
      ['mail', new Set(mails)],
      ['town', new Set(['t1', 't2'])],
    ]);

  test('that both have make two tables one, others say nothing', () => {
    const mails = Array.from({ length: 50 }, (_, i) => `m${i}`);
    expect(likely(new Map())).toBe(0);
    expect(
      likely(
        new Map([
          ['public.people', sample(mails)],
          ['public.contact_people', sample(mails.map((m) => `x${m}`))],
        ]),
      ),
    ).toBe(0);
    expect(
      likely(
        new Map([
          ['public.people', sample(mails)],
          ['public.contact_people', sample(mails)],
        ]),
      ),
    ).toBe(1);
  });
});

describe('whatever the tables are', () => {
  const word = fc.constantFrom('user', 'api_keys', 'orders', 'X', 'order_items', 'läng', 'v2', 'a b', 'pg_x', 'logs');
  const schema = fc.constantFrom('public', 'maas', 'core');
  const table = fc.record({
    schema,
    words: fc.array(word, { minLength: 1, maxLength: 3 }),
    columns: fc.uniqueArray(fc.constantFrom('id', 'user_id', 'name', 'status', 'created_at', 'key_hash'), {
      minLength: 1,
    }),
  });
  const database = fc
    .uniqueArray(table, { selector: ({ schema: s, words }) => `${s}.${words.join('_')}`, maxLength: 12 })
    .chain((tables) =>
      fc.record({
        tables: fc.constant(tables),
        edges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 15 }),
      }),
    )
    .map(({ tables, edges }) => {
      const facts = tables.map(({ schema: s, words, columns }): TableFacts => {
        const name = words.join('_');
        const typed = columns.map((column) => ({ name: column, type: column === 'id' ? 'uuid' : 'text' }));
        return { schema: s, table: name, name: `${s}.${name}`, columns: typed, key: ['id'], rows: null };
      });
      const at = (index: number) => facts[index % Math.max(1, facts.length)]!.name;
      const references =
        facts.length === 0 ? [] : edges.map(([a, b]): Reference => ({ from: at(a), to: at(b), columns: ['x'] }));
      return { tables: facts, references };
    });

  test('each is in one domain, of a name that the target can have', () => {
    fc.assert(
      fc.property(database, (source) => {
        const { domains } = proposalOf(source, ['public', 'core']);
        const placed = domains.flatMap(({ tables }) => tables);
        expect([...placed].sort()).toEqual(source.tables.map(({ name }) => name).sort());
        expect(new Set(domains.map(({ schema: name }) => name)).size).toBe(domains.length);
        for (const { schema: name } of domains) {
          expect(name).toMatch(/^(?!pg_)[a-z0-9_]{1,63}$/);
          expect(['public', 'core']).not.toContain(name);
        }
      }),
    );
  });

  test('the order in which they come changes nothing', () => {
    fc.assert(
      fc.property(database, (source) => {
        const turned = { tables: [...source.tables].reverse(), references: [...source.references].reverse() };
        const sorted = (proposal: Proposal) => proposal.domains.map(({ tables }) => tables).sort();
        expect(sorted(proposalOf(turned))).toEqual(sorted(proposalOf(source)));
      }),
    );
  });

  test('a merge takes each column of each of its tables once', () => {
    fc.assert(
      fc.property(database, (source) => {
        for (const { tables, columns } of proposalOf(source).merges) {
          for (const name of tables) {
            const own = source.tables.find((table) => table.name === name)!.columns.map((column) => column.name);
            expect(columns.flatMap(({ from }) => from[name] ?? []).sort()).toEqual([...own].sort());
          }
        }
      }),
    );
  });
});
