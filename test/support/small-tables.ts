/** Small tables with what a cutover has to look after: a serial, an identity, a foreign key, a key that is text. */
export const SOURCE_SQL = `
CREATE TABLE public.users (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE);
CREATE TABLE public.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL REFERENCES public.users,
  total numeric(12,2) NOT NULL DEFAULT 0,
  note text,
  placed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.settings (key text PRIMARY KEY, value jsonb);
INSERT INTO public.users (name, email) SELECT 'user ' || n, 'user' || n || '@example.org' FROM generate_series(1, 300) n;
INSERT INTO public.orders (user_id, total, note) SELECT 1 + n % 300, n, 'order ' || n FROM generate_series(1, 900) n;
INSERT INTO public.settings SELECT 'setting ' || n, jsonb_build_object('n', n) FROM generate_series(1, 50) n;
`;

export const TARGET_SQL = `
CREATE SCHEMA growth; CREATE SCHEMA shared;
CREATE TABLE shared.users (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE);
CREATE TABLE growth.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL,
  total numeric(12,2) NOT NULL DEFAULT 0,
  note text,
  placed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE growth.settings (key text PRIMARY KEY, value jsonb);
`;

/** One file a domain schema: its name -> its text. */
export const MAPPINGS: Readonly<Record<string, string>> = {
  growth: `schema: growth
tables:
  orders:
    from: public.orders
  settings:
    from: public.settings
`,
  shared: `schema: shared
tables:
  users:
    from: public.users
`,
};

/** The way back. */
export const BACK_MAPPING = `schema: public
tables:
  orders:
    from: growth.orders
  settings:
    from: growth.settings
  users:
    from: shared.users
`;

/** Changes rows of every kind, in one transaction. */
export const CHANGE_SQL = `BEGIN;
INSERT INTO public.users (name) VALUES ('new');
INSERT INTO public.orders (user_id, total) SELECT max(id), 1 FROM public.users;
UPDATE public.orders SET total = total + 1 WHERE id % 7 = 0;
DELETE FROM public.orders WHERE id = (SELECT min(id) FROM public.orders);
UPDATE public.settings SET value = '{"changed": true}' WHERE key = 'setting 1';
COMMIT`;
