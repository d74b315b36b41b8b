import { expect, test } from 'vitest';
import { drawDomains } from './picture.js';

test('domains are boxes, references arrows, near-duplicates dotted lines', () => {
  const domains = [
    { schema: 'sales', tables: ['public.orders', 'public.orders_old'], why: '' },
    { schema: 'shared', tables: ['public.users'], why: '' },
  ];
  const references = [
    { from: 'public.orders', to: 'public.users', columns: ['user_id'] },
    { from: 'public.orders', to: 'public.users', columns: ['seller_id'] },
    { from: 'public.orders', to: 'auth.users', columns: ['auth_id'] },
  ];
  const merge = {
    into: 'orders',
    tables: ['public.orders', 'public.orders_old'],
    columns: [],
    score: 1,
    evidence: [],
    obstacles: [],
  };
  expect(drawDomains(domains, references, [merge])).toBe(`flowchart LR
  subgraph d0["sales"]
    t0["public.orders"]
    t1["public.orders_old"]
  end
  subgraph d1["shared"]
    t2["public.users"]
  end
  t0 --> t2
  t0 -. alike .- t1
`);
});

test('names cannot end their quotes', () => {
  expect(drawDomains([{ schema: 'a', tables: ['public.x"]; click <b>\n'], why: '' }], [], [])).toContain(
    't0["public.x#quot;]; click #60;b#62;#10;"]',
  );
});
