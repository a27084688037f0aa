\set m random(1,100000)
\set amt random(1000,100000)
\set k1 random(1,2000000000)
\set k2 random(1,2000000000)
begin;
insert into idem(tenant_id,key) values (1, :k1::text||'-'||:k2::text||'-'||:client_id::text);
select tenant_id, last_tid+1 as tid from meter where id=:m for update \gset
update meter set last_tid=:tid where id=:m;
insert into payment(tenant_id,meter_id,amount_cents,currency,channel,ext_ref) values (1,:m,:amt,'ZAR',1,:k1::text) returning id as pid \gset
insert into ledger_entry(tenant_id,payment_id,account_id,amount_cents) values (1,:pid,1,:amt),(1,:pid,100+:m::int,-(:amt::bigint)),(1,:pid,100+:m::int,:amt::bigint*85/100),(1,:pid,2,-(:amt::bigint*85/100));
insert into token(payment_id,meter_id,tid,cls,sub,amount_units,token) values (:pid,:m,:tid,0,0,123,'12345678901234567890');
insert into audit(tenant_id,actor,action,entity,detail) values (1,'api:1','vend',:pid,'{"ip":"127.0.0.1","ok": true}');
commit;
