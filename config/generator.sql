-- What the data of every ready pipeline's old project is made with: values that derive from row numbers alone, the same on
-- every day and machine. Runs before each source/data.sql, in its session.

-- The id that row i of a kind has everywhere. STABLE, as all functions here, since only then the planner inlines them.
CREATE FUNCTION pg_temp.id_of(kind text, i bigint) RETURNS uuid LANGUAGE sql STABLE
  AS $$ SELECT md5(kind || ':' || i)::uuid $$;

-- Text that breaks careless code: COPY's own marks, quotes, backslashes, line ends, control characters, several
-- scripts, characters beyond the basic plane, a combining accent, what looks like NULL, the empty string.
CREATE FUNCTION pg_temp.odd_text(i bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT (ARRAY[
    'Quarterly outreach', 'naïve café', 'Ω≈ç√∫', '日本語のテキスト', '🚀 launch 👩‍🚀', E'two\nlines', E'tab\tand\rreturn\r\n',
    'it''s "quoted"', E'back\\slash \\n', E'\\N', E'\\.', '', ' spaces around ', 'NULL', '{curly,"brace"}', 'مرحبا بالعالم',
    E'combining e\u0301', '<b>&amp;</b>', E'control \x01\x08\x0b\x7f', '$1 ${HOME} %s', 'Straße', '0', 'null', '[1,2]'
  ])[1 + i % 24]
$$;

CREATE FUNCTION pg_temp.odd_array(i bigint) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT CASE i % 7
    WHEN 0 THEN '{}'::text[]
    WHEN 1 THEN ARRAY['plain']
    WHEN 2 THEN ARRAY[NULL, 'NULL', '', 'with "quotes"']
    WHEN 3 THEN ARRAY['comma, here', E'back\\slash', '{brace}']
    WHEN 4 THEN ARRAY[['a', 'b'], ['c', NULL]]
    WHEN 5 THEN '[0:1]={zero,one}'::text[]
    ELSE ARRAY[pg_temp.odd_text(i), md5(i::text)]
  END
$$;

CREATE FUNCTION pg_temp.odd_json(i bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT CASE i % 6
    WHEN 0 THEN '{}'::jsonb
    WHEN 1 THEN jsonb_build_object('text', pg_temp.odd_text(i), 'n', i)
    WHEN 2 THEN '{"big": 12345678901234567890.123456789, "tiny": 1e-20, "nested": {"list": [1, null, "x", {"y": []}]}}'::jsonb
    WHEN 3 THEN '[]'::jsonb
    WHEN 4 THEN jsonb_build_object('escaped', E'"\\\n\u2028', 'emoji', '🧪', 'hash', md5(i::text))
    ELSE 'null'::jsonb
  END
$$;

-- A moment of 2024 and 2025, microseconds and all.
CREATE FUNCTION pg_temp.moment(i bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT timestamptz '2024-01-01 00:00:00+00' + (i % 63000000) * interval '1 second' + (i * 7919 % 1000000) * interval '1 microsecond'
$$;

-- 1536 dimensions, as text that vector(1536) reads, so that this file needs no extension. One in seven has all the digits
-- that its numbers have.
CREATE FUNCTION pg_temp.embedding(i bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT '[' || rtrim(repeat(string_agg(CASE i % 7 WHEN 0 THEN sin(i * d)::real::text ELSE round(sin(i * d)::numeric, 3)::text END,
    ',' ORDER BY d) || ',', 64), ',') || ']'
  FROM generate_series(1, 24) AS d
$$;
