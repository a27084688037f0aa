create table tenant(id int primary key, name text);
insert into tenant values (1,'t1');
create table meter(id int primary key, tenant_id int not null references tenant(id), drn varchar(11) not null unique,
  sgc int not null, krn int not null, ti int not null, ken int not null, tariff_id int not null, last_tid int not null default 0, status smallint not null default 1) with (fillfactor=70);
insert into meter select g,1,lpad(g::text,11,'0'),123456,1,1,255,1,0,1 from generate_series(1,100000) g;
create table account(id int primary key, tenant_id int not null references tenant(id), name text not null);
insert into account select g,1,'acc'||g from generate_series(1,100000+100) g;
create table payment(id bigint generated always as identity primary key, tenant_id int not null references tenant(id), meter_id int not null references meter(id),
  amount_cents bigint not null, currency char(3) not null, channel smallint not null, ext_ref text not null, created_at timestamptz not null default now());
create index on payment(meter_id, created_at);
create table ledger_entry(id bigint generated always as identity primary key, tenant_id int not null, payment_id bigint not null references payment(id), account_id int not null references account(id),
  amount_cents bigint not null, created_at timestamptz not null default now());
create index on ledger_entry(payment_id);
create index on ledger_entry(account_id, id);
create table token(id bigint generated always as identity primary key, payment_id bigint not null references payment(id), meter_id int not null references meter(id), tid int not null,
  cls smallint not null, sub smallint not null, amount_units int not null, token char(20) not null, created_at timestamptz not null default now(), unique(meter_id, tid));
create table idem(tenant_id int not null, key text not null, payment_id bigint, response jsonb, created_at timestamptz not null default now(), primary key(tenant_id,key));
create table audit(id bigint generated always as identity primary key, tenant_id int not null, actor text not null, action text not null, entity bigint not null, detail jsonb not null, created_at timestamptz not null default now());
analyze;
