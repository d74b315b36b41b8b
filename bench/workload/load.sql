-- deterministic base data: 200k accounts, 400k artifacts, 400k events ({scale} scales it)
INSERT INTO accounts(id,org,email,name,balance,active,settings,created_at,updated_at)
SELECT i, md5('org'||(i%5000))::uuid, 'user'||i||'@example.com',
  CASE WHEN i%97=0 THEN NULL WHEN i%89=0 THEN 'Zoë "Q" O''Brien \ 日本 '||i ELSE 'Name '||i END,
  CASE WHEN i%101=0 THEN NULL ELSE ((i*7919::bigint)%2000000000 - 1000000000)/10000.0 END, i%3<>0,
  jsonb_build_object('theme',CASE WHEN i%2=0 THEN 'dark' ELSE 'light' END,'n',i,'f',i/7.0,'tags',jsonb_build_array('a','b',i%10),'nul',null),
  '2024-01-01T00:00:00.123456Z'::timestamptz + i*interval '1 minute 0.000017 second',
  CASE WHEN i%50=0 THEN NULL ELSE '2024-06-01Z'::timestamptz + i*interval '31 second' END
FROM generate_series(1,200000*{scale}) i;
INSERT INTO artifacts(id,account_id,kind,title,body,score,tags,created_at)
SELECT md5('artifact-'||i)::uuid, 1+(i*31::bigint)%200000,
  (enum_range(null::artifact_type))[1+i%5], 'Title '||i, left(repeat(md5('b'||i)||' lorem ',6),200),
  CASE WHEN i%77=0 THEN NULL WHEN i%78=0 THEN 1e-300*i ELSE i/3.0::float8 END,
  CASE i%5 WHEN 0 THEN NULL WHEN 1 THEN '{}'::text[] WHEN 2 THEN ARRAY['x','y,z','q"uo\te'] WHEN 3 THEN ARRAY['tag'||i%100,NULL,'ü'] ELSE ARRAY['t'||i%7,'u'||i%11] END,
  '2023-01-01T00:00:00.000001Z'::timestamptz + i*interval '17.000003 second'
FROM generate_series(1,400000*{scale}) i;
INSERT INTO events(id,account_id,type,payload,at)
SELECT i, 1+(i*17::bigint)%200000, 'type'||i%20,
  jsonb_build_object('seq',i,'ip','10.0.'||i%256||'.'||i%251,'ua','Mozilla/5.0 (X11; Linux) rv:'||i%130,'path','/a/b/'||md5(i::text),'ok',i%9<>0,'ms',i/1000.0),
  '2024-03-01Z'::timestamptz + i*interval '0.731 second'
FROM generate_series(1,400000*{scale}) i;
SELECT setval(pg_get_serial_sequence('accounts','id'),(SELECT max(id) FROM accounts)), setval(pg_get_serial_sequence('events','id'),(SELECT max(id) FROM events));

-- change generator: n row changes, `per` changes per transaction, run k (each k touches disjoint new ids / deleted ids)
-- op mix per 20 changes: 10 update, 7 insert, 3 delete. Table mix: accounts 20 %, artifacts 40 %, events 40 %.
-- 1 in 10 updates and deletes aims at a row inserted earlier in the same run (order matters).
CREATE OR REPLACE PROCEDURE bench_changes(n int, per int, k int) LANGUAGE plpgsql AS $$
DECLARE i int; op int; t int; ins int[] := ARRAY[0,0,0]; del int[] := ARRAY[0,0,0]; rdel int[] := ARRAY[0,0,0]; u int := 0; small boolean := coalesce(current_setting('bench.small',true),'')='1'; b bigint := CASE WHEN coalesce(current_setting('bench.small',true),'')='1' THEN 500000+k*50000 ELSE 1000000::bigint*(k+1) END; sb bigint := CASE WHEN coalesce(current_setting('bench.small',true),'')='1' THEN 990000 ELSE 1000000000000 END; x bigint; y uuid; c int; tot int := 0;
BEGIN
 FOR i IN 1..n LOOP
  op := (i*7) % 20; t := ((i/20)*3 + i) % 5; t := CASE WHEN t=0 THEN 1 WHEN t<3 THEN 2 ELSE 3 END;
  IF op < 10 THEN
    u := u+1;
    IF t=1 THEN
      x := CASE WHEN u%10=0 AND ins[1]-rdel[1]>20 THEN b+ins[1]-(u%7) ELSE 100001+(u*7919::bigint)%100000 END;
      UPDATE accounts SET balance = (u+k)/10000.0, active = NOT active, updated_at='2025-01-01Z'::timestamptz+u*interval '1.000001 s', settings = settings||jsonb_build_object('u',u) WHERE id=x;
    ELSIF t=2 THEN
      y := CASE WHEN u%10=0 AND ins[2]-rdel[2]>20 THEN md5('new-'||k||'-'||(ins[2]-(u%7)))::uuid ELSE md5('artifact-'||(200001+(u*7919::bigint)%200000))::uuid END;
      UPDATE artifacts SET title='Upd '||k||' '||u, score=u/7.0, tags=ARRAY['u'||u,'k'||k], kind=(enum_range(null::artifact_type))[1+u%5] WHERE id=y;
    ELSE
      x := CASE WHEN u%10=0 AND ins[3]-rdel[3]>20 THEN b+ins[3]-(u%7) ELSE 200001+(u*7919::bigint)%200000 END;
      UPDATE events SET payload = payload||jsonb_build_object('u',u,'k',k), type='upd'||u%20 WHERE id=x;
    END IF;
    GET DIAGNOSTICS c = ROW_COUNT; tot := tot+c;
  ELSIF op < 17 THEN
    ins[t] := ins[t]+1; tot := tot+1;
    IF t=1 THEN
      INSERT INTO accounts(id,org,email,name,balance,active,settings,created_at,updated_at) VALUES (b+ins[1], md5('org'||i)::uuid, 'n'||k||'-'||i||'@example.com','New '||i, i/100.0, true, jsonb_build_object('theme','new','n',i), '2025-02-01Z'::timestamptz+i*interval '1.000003 s', NULL);
    ELSIF t=2 THEN
      INSERT INTO artifacts VALUES (md5('new-'||k||'-'||ins[2])::uuid, 1+i%200000, 'report', 'New '||i, left(repeat(md5('c'||i)||' ipsum ',6),200), i/9.0, ARRAY['n','m'||i%10], '2025-02-01Z'::timestamptz+i*interval '1.000007 s');
    ELSE
      INSERT INTO events(id,account_id,type,payload,at) VALUES (b+ins[3], 1+i%200000, 'new', jsonb_build_object('seq',i,'ip','10.1.2.'||i%250,'ua','Mozilla/5.0 (X11; Linux) rv:'||i%130,'path','/n/'||md5(i::text),'ok',true), '2025-02-01Z'::timestamptz+i*interval '0.5 s');
    END IF;
  ELSE
    IF (del[t]+rdel[t])%10=9 AND ins[t]-rdel[t]*3>30 THEN -- delete a row inserted in this run
      rdel[t] := rdel[t]+1;
      IF t=1 THEN DELETE FROM accounts WHERE id=b+rdel[1]*3;
      ELSIF t=2 THEN DELETE FROM artifacts WHERE id=md5('new-'||k||'-'||rdel[2]*3)::uuid;
      ELSE DELETE FROM events WHERE id=b+rdel[3]*3; END IF;
    ELSE
      del[t] := del[t]+1;
      IF t=1 THEN DELETE FROM accounts WHERE id=k*9000+del[1];
      ELSIF t=2 THEN DELETE FROM artifacts WHERE id=md5('artifact-'||(k*18000+del[2]))::uuid;
      ELSE DELETE FROM events WHERE id=k*18000+del[3]; END IF;
    END IF;
    GET DIAGNOSTICS c = ROW_COUNT; tot := tot+c;
  END IF;
  IF i % per = 0 THEN COMMIT; END IF;
 END LOOP;
 COMMIT;
 -- sentinels: 32 per table, so that each partition of a partitioned peer gets some; the last thing of a run
 INSERT INTO accounts(id,email) SELECT sb+k*100+s,'sentinel' FROM generate_series(1,32) s;
 INSERT INTO artifacts(id,title) SELECT md5('sentinel-'||k||'-'||s)::uuid,'sentinel' FROM generate_series(1,32) s;
 INSERT INTO events(id,type) SELECT sb+k*100+s,'sentinel' FROM generate_series(1,32) s;
 COMMIT;
 RAISE NOTICE 'rows changed: %  inserts % deletes % / %', tot, ins, del, rdel;
END $$;
