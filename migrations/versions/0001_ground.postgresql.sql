CREATE TABLE audit_entry (
	id BIGSERIAL NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR NOT NULL,
	actor_name VARCHAR NOT NULL,
	act VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	detail JSONB NOT NULL,
	reason VARCHAR,
	CONSTRAINT pk_audit_entry PRIMARY KEY (id)
)
--;;
CREATE INDEX ix_audit_entry_act ON audit_entry (act)
--;;
CREATE INDEX ix_audit_entry_subject ON audit_entry (subject)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE OR REPLACE FUNCTION ampoule_hold(held text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
  IF held NOT IN ('audit_entry', 'ledger_entry') THEN
    RAISE EXCEPTION '%% is not held by anybody', held;
  END IF;
  EXECUTE format('LOCK TABLE %%I IN SHARE ROW EXCLUSIVE MODE', held);
END$$
--;;
CREATE TABLE audit_batch (
	id BIGSERIAL NOT NULL,
	first_entry BIGINT NOT NULL,
	last_entry BIGINT NOT NULL,
	closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	previous_head VARCHAR NOT NULL,
	head VARCHAR NOT NULL,
	CONSTRAINT pk_audit_batch PRIMARY KEY (id),
	CONSTRAINT uq_audit_batch_first_entry UNIQUE (first_entry),
	CONSTRAINT uq_audit_batch_last_entry UNIQUE (last_entry),
	CONSTRAINT uq_audit_batch_head UNIQUE (head)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER audit_batch_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_batch FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE outbox (
	id BIGSERIAL NOT NULL,
	event VARCHAR NOT NULL,
	payload JSONB NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	tries BIGINT NOT NULL,
	delivered_at TIMESTAMP WITH TIME ZONE,
	dead_at TIMESTAMP WITH TIME ZONE,
	last_error VARCHAR,
	CONSTRAINT pk_outbox PRIMARY KEY (id)
)
--;;
CREATE INDEX ix_outbox_due ON outbox (delivered_at, dead_at, due_at)
--;;
CREATE TABLE schedule (
	name VARCHAR NOT NULL,
	last_slot TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_schedule PRIMARY KEY (name)
)
--;;
CREATE TABLE person (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	login VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	language VARCHAR NOT NULL,
	tenant_key VARCHAR,
	password_hash VARCHAR,
	password_set_at TIMESTAMP WITH TIME ZONE,
	must_change_password BOOLEAN NOT NULL,
	pin_hash VARCHAR,
	totp_sealed VARCHAR,
	totp_confirmed_at TIMESTAMP WITH TIME ZONE,
	totp_last_step BIGINT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	disabled_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_person PRIMARY KEY (id),
	CONSTRAINT uq_person_key UNIQUE (key),
	CONSTRAINT uq_person_login UNIQUE (login)
)
--;;
CREATE INDEX ix_person_tenant_key ON person (tenant_key)
--;;
CREATE TABLE guesses (
	subject VARCHAR NOT NULL,
	wrong BIGINT NOT NULL,
	last_at TIMESTAMP WITH TIME ZONE NOT NULL,
	wait_until TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_guesses PRIMARY KEY (subject)
)
--;;
CREATE TABLE ceremony (
	id BIGSERIAL NOT NULL,
	challenge VARCHAR NOT NULL,
	purpose VARCHAR NOT NULL,
	person_key VARCHAR,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_ceremony PRIMARY KEY (id),
	CONSTRAINT uq_ceremony_challenge UNIQUE (challenge)
)
--;;
CREATE TABLE api_key (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	secret_hash VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	site VARCHAR NOT NULL,
	scopes VARCHAR NOT NULL,
	calls_a_minute BIGINT NOT NULL,
	sale_limit_minor BIGINT NOT NULL,
	seller VARCHAR,
	made_by VARCHAR NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	revoked_at TIMESTAMP WITH TIME ZONE,
	used_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT uq_api_key_key UNIQUE (key),
	CONSTRAINT uq_api_key_secret_hash UNIQUE (secret_hash)
)
--;;
CREATE TABLE approval_request (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	act_id VARCHAR NOT NULL,
	text VARCHAR NOT NULL,
	act VARCHAR NOT NULL,
	site VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	beneficiary VARCHAR,
	maker VARCHAR NOT NULL,
	maker_name VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	evidence VARCHAR NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	state VARCHAR NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE,
	used_at TIMESTAMP WITH TIME ZONE,
	used_for VARCHAR,
	CONSTRAINT pk_approval_request PRIMARY KEY (id),
	CONSTRAINT ck_approval_request_state_known CHECK (state IN ('open', 'approved', 'refused', 'withdrawn', 'used')),
	CONSTRAINT uq_approval_request_key UNIQUE (key),
	CONSTRAINT uq_approval_request_act_id UNIQUE (act_id)
)
--;;
CREATE INDEX ix_approval_request_site ON approval_request (site)
--;;
CREATE INDEX ix_approval_request_state ON approval_request (state, site)
--;;
CREATE TABLE operator (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	address VARCHAR NOT NULL,
	tax_number VARCHAR NOT NULL,
	phone VARCHAR NOT NULL,
	email VARCHAR NOT NULL,
	CONSTRAINT pk_operator PRIMARY KEY (id),
	CONSTRAINT uq_operator_key UNIQUE (key)
)
--;;
CREATE TABLE search_entry (
	id BIGSERIAL NOT NULL,
	kind VARCHAR NOT NULL,
	subject_key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	text VARCHAR NOT NULL,
	CONSTRAINT pk_search_entry PRIMARY KEY (id),
	CONSTRAINT uq_search_entry_subject_key UNIQUE (subject_key)
)
--;;
CREATE TABLE ledger_account (
	id BIGSERIAL NOT NULL,
	path TEXT COLLATE "C" NOT NULL,
	kind VARCHAR NOT NULL,
	sign BIGINT NOT NULL,
	floor BIGINT,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_ledger_account PRIMARY KEY (id),
	CONSTRAINT uq_ledger_account_path UNIQUE (path)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_account_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_account FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE ledger_entry (
	id BIGSERIAL NOT NULL,
	kind VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	fingerprint VARCHAR NOT NULL,
	posted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	reverses BIGINT,
	legs BIGINT NOT NULL,
	note VARCHAR NOT NULL,
	CONSTRAINT pk_ledger_entry PRIMARY KEY (id),
	CONSTRAINT uq_ledger_entry_source_kind UNIQUE (source, kind),
	CONSTRAINT ck_ledger_entry_legs CHECK (legs >= 2),
	CONSTRAINT fk_ledger_entry_reverses FOREIGN KEY(reverses) REFERENCES ledger_entry (id)
)
--;;
CREATE INDEX ix_ledger_entry_posted_at ON ledger_entry (posted_at)
--;;
CREATE UNIQUE INDEX uq_ledger_entry_reverses ON ledger_entry (reverses) WHERE reverses IS NOT NULL
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE ledger_period (
	id BIGSERIAL NOT NULL,
	closes_at TIMESTAMP WITH TIME ZONE NOT NULL,
	through_entry BIGINT NOT NULL,
	closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	closed_by VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	CONSTRAINT pk_ledger_period PRIMARY KEY (id),
	CONSTRAINT uq_ledger_period_closes_at UNIQUE (closes_at)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_period_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_period FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE payment (
	id BIGSERIAL NOT NULL,
	sale_key VARCHAR NOT NULL,
	position BIGINT NOT NULL,
	way VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	received_minor BIGINT NOT NULL,
	change_minor BIGINT NOT NULL,
	rounding_minor BIGINT NOT NULL,
	reference VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	shift VARCHAR NOT NULL,
	taken_by VARCHAR NOT NULL,
	taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_payment PRIMARY KEY (id),
	CONSTRAINT uq_payment_sale_key_position UNIQUE (sale_key, position)
)
--;;
CREATE INDEX ix_payment_shift ON payment (shift)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER payment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE transfer_use (
	reference VARCHAR NOT NULL,
	used_for VARCHAR NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_transfer_use PRIMARY KEY (reference)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER transfer_use_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer_use FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE seller (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	code VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	commission_basis_points BIGINT NOT NULL,
	credit_limit_minor BIGINT NOT NULL,
	blocked_why VARCHAR,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_seller PRIMARY KEY (id),
	CONSTRAINT ck_seller_commission_bounded CHECK (commission_basis_points BETWEEN 0 AND 2500),
	CONSTRAINT ck_seller_credit_not_negative CHECK (credit_limit_minor >= 0),
	CONSTRAINT uq_seller_key UNIQUE (key),
	CONSTRAINT uq_seller_code UNIQUE (code)
)
--;;
CREATE INDEX ix_seller_site_key ON seller (site_key)
--;;
CREATE TABLE seller_handover (
	id BIGSERIAL NOT NULL,
	order_id VARCHAR NOT NULL,
	seller VARCHAR NOT NULL,
	said_by VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_seller_handover PRIMARY KEY (id),
	CONSTRAINT uq_seller_handover_order_id UNIQUE (order_id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER seller_handover_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seller_handover FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE voucher (
	id BIGSERIAL NOT NULL,
	number VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency VARCHAR NOT NULL,
	issuer VARCHAR NOT NULL,
	valid_until VARCHAR,
	added_by VARCHAR NOT NULL,
	added_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_voucher PRIMARY KEY (id),
	CONSTRAINT ck_voucher_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_voucher_number UNIQUE (number)
)
--;;
CREATE INDEX ix_voucher_site_key ON voucher (site_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER voucher_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON voucher FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE unclaimed (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	way VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	reference VARCHAR NOT NULL,
	note VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	shift VARCHAR NOT NULL,
	received_by VARCHAR NOT NULL,
	received_by_name VARCHAR NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_unclaimed PRIMARY KEY (id),
	CONSTRAINT ck_unclaimed_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_unclaimed_key UNIQUE (key)
)
--;;
CREATE INDEX ix_unclaimed_site_key ON unclaimed (site_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER unclaimed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON unclaimed FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE unclaimed_end (
	id BIGSERIAL NOT NULL,
	account VARCHAR NOT NULL,
	outcome VARCHAR NOT NULL,
	tenant_key VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	evidence VARCHAR NOT NULL,
	ended_by VARCHAR NOT NULL,
	ended_by_name VARCHAR NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_unclaimed_end PRIMARY KEY (id),
	CONSTRAINT ck_unclaimed_end_outcome_known CHECK (outcome IN ('attributed', 'returned')),
	CONSTRAINT ck_unclaimed_end_amount CHECK (amount_minor > 0)
)
--;;
CREATE INDEX ix_unclaimed_end_account ON unclaimed_end (account)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER unclaimed_end_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON unclaimed_end FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE refund (
	id BIGSERIAL NOT NULL,
	request VARCHAR NOT NULL,
	number VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	shift VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	tenant_key VARCHAR NOT NULL,
	way VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	reference VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	evidence VARCHAR NOT NULL,
	approval VARCHAR NOT NULL,
	refunded_by VARCHAR NOT NULL,
	refunded_by_name VARCHAR NOT NULL,
	refunded_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_refund PRIMARY KEY (id),
	CONSTRAINT ck_refund_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_refund_request UNIQUE (request),
	CONSTRAINT uq_refund_number UNIQUE (number)
)
--;;
CREATE INDEX ix_refund_shift ON refund (shift)
--;;
CREATE INDEX ix_refund_tenant_key ON refund (tenant_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER refund_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE tender_correction (
	approval VARCHAR NOT NULL,
	sale_key VARCHAR NOT NULL,
	position BIGINT NOT NULL,
	from_way VARCHAR NOT NULL,
	to_way VARCHAR NOT NULL,
	reference VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency VARCHAR NOT NULL,
	shift VARCHAR NOT NULL,
	corrected_by VARCHAR NOT NULL,
	corrected_by_name VARCHAR NOT NULL,
	corrected_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_tender_correction PRIMARY KEY (approval),
	CONSTRAINT uq_tender_correction_sale_key_position UNIQUE (sale_key, position)
)
--;;
CREATE INDEX ix_tender_correction_sale_key ON tender_correction (sale_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER tender_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tender_correction FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE print_agent (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	roll VARCHAR NOT NULL,
	secret_hash VARCHAR NOT NULL,
	paired_by VARCHAR NOT NULL,
	paired_at TIMESTAMP WITH TIME ZONE NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE,
	trouble VARCHAR NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_print_agent PRIMARY KEY (id),
	CONSTRAINT uq_print_agent_key UNIQUE (key),
	CONSTRAINT uq_print_agent_secret_hash UNIQUE (secret_hash)
)
--;;
CREATE UNIQUE INDEX ix_print_agent_till ON print_agent (site_key, till) WHERE ended_at IS NULL
--;;
CREATE TABLE sandbox_order (
	id BIGSERIAL NOT NULL,
	api_key VARCHAR NOT NULL,
	order_id VARCHAR NOT NULL,
	pan VARCHAR NOT NULL,
	asked VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	paid_minor BIGINT NOT NULL,
	told JSONB NOT NULL,
	looks BIGINT NOT NULL,
	copies BIGINT NOT NULL,
	handed_over_at TIMESTAMP WITH TIME ZONE,
	reversal_asked_at TIMESTAMP WITH TIME ZONE,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_sandbox_order PRIMARY KEY (id),
	CONSTRAINT uq_sandbox_order_api_key_order_id UNIQUE (api_key, order_id)
)
--;;
CREATE INDEX ix_sandbox_order_made_at ON sandbox_order (made_at)
--;;
CREATE TABLE shift_series (
	series VARCHAR NOT NULL,
	last BIGINT NOT NULL,
	CONSTRAINT pk_shift_series PRIMARY KEY (series)
)
--;;
CREATE TABLE cash_limit (
	site_key VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	takings_minor BIGINT,
	float_minor BIGINT,
	tolerance_minor BIGINT,
	special_minor BIGINT,
	one_person BIGINT,
	CONSTRAINT pk_cash_limit PRIMARY KEY (site_key, subject)
)
--;;
CREATE TABLE shift (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	number VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	drawer VARCHAR NOT NULL,
	cashier_key VARCHAR NOT NULL,
	cashier_name VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	float_minor BIGINT NOT NULL,
	base JSONB NOT NULL,
	after_entry BIGINT NOT NULL,
	limits JSONB NOT NULL,
	witness_key VARCHAR NOT NULL,
	witness_name VARCHAR NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shift PRIMARY KEY (id),
	CONSTRAINT ck_shift_float CHECK (float_minor >= 0),
	CONSTRAINT uq_shift_key UNIQUE (key),
	CONSTRAINT uq_shift_number UNIQUE (number)
)
--;;
CREATE INDEX ix_shift_cashier ON shift (cashier_key, opened_at)
--;;
CREATE INDEX ix_shift_site_opened_at ON shift (site_key, opened_at)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER shift_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE bank_batch (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	number VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	bag VARCHAR NOT NULL,
	amounts JSONB NOT NULL,
	pieces JSONB NOT NULL,
	total_minor BIGINT NOT NULL,
	packed_by VARCHAR NOT NULL,
	packed_by_name VARCHAR NOT NULL,
	packed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_bank_batch PRIMARY KEY (id),
	CONSTRAINT uq_bank_batch_site_key_bag UNIQUE (site_key, bag),
	CONSTRAINT ck_bank_batch_total CHECK (total_minor > 0),
	CONSTRAINT uq_bank_batch_key UNIQUE (key),
	CONSTRAINT uq_bank_batch_number UNIQUE (number)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER bank_batch_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_batch FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE tariff_version (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	code VARCHAR NOT NULL,
	number BIGINT NOT NULL,
	name VARCHAR NOT NULL,
	service VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	text VARCHAR NOT NULL,
	hash VARCHAR NOT NULL,
	valid_from VARCHAR NOT NULL,
	valid_until VARCHAR,
	drafted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	drafted_by VARCHAR NOT NULL,
	CONSTRAINT pk_tariff_version PRIMARY KEY (id),
	CONSTRAINT uq_tariff_version_code_number UNIQUE (code, number),
	CONSTRAINT ck_tariff_version_validity CHECK (valid_until IS NULL OR valid_until > valid_from),
	CONSTRAINT ck_tariff_version_number CHECK (number >= 1),
	CONSTRAINT uq_tariff_version_key UNIQUE (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER tariff_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tariff_version FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE receipt_series (
	series VARCHAR NOT NULL,
	last BIGINT NOT NULL,
	CONSTRAINT pk_receipt_series PRIMARY KEY (series)
)
--;;
CREATE TABLE sale (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	receipt VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	cashier_key VARCHAR NOT NULL,
	cashier_name VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	total_minor BIGINT NOT NULL,
	fingerprint VARCHAR NOT NULL,
	content JSONB NOT NULL,
	content_hash VARCHAR NOT NULL,
	copies BIGINT NOT NULL,
	sold_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_sale PRIMARY KEY (id),
	CONSTRAINT uq_sale_key UNIQUE (key),
	CONSTRAINT uq_sale_receipt UNIQUE (receipt)
)
--;;
CREATE INDEX ix_sale_site_sold_at ON sale (site_key, sold_at)
--;;
CREATE INDEX ix_sale_till_id ON sale (till, id)
--;;
CREATE TABLE basket_draft (
	sale_id VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	cashier_key VARCHAR NOT NULL,
	lines JSONB NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_basket_draft PRIMARY KEY (sale_id)
)
--;;
CREATE TABLE log_mark (
	id BIGSERIAL NOT NULL,
	log VARCHAR NOT NULL,
	checked_to BIGINT NOT NULL,
	head_size BIGINT NOT NULL,
	head_note VARCHAR NOT NULL,
	restored_size BIGINT,
	forwarded BIGINT,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_log_mark PRIMARY KEY (id),
	CONSTRAINT ck_log_mark_one_row CHECK (id = 1)
)
--;;
CREATE TABLE work_order (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	number BIGINT NOT NULL,
	kind VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	note VARCHAR NOT NULL,
	meter_key VARCHAR,
	due_on DATE,
	state VARCHAR NOT NULL,
	opened_by VARCHAR NOT NULL,
	opened_by_name VARCHAR NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
	taken_by VARCHAR,
	taken_by_name VARCHAR,
	ended_by_name VARCHAR,
	ended_at TIMESTAMP WITH TIME ZONE,
	result VARCHAR,
	CONSTRAINT pk_work_order PRIMARY KEY (id),
	CONSTRAINT uq_work_order_site_key_number UNIQUE (site_key, number),
	CONSTRAINT ck_work_order_state_known CHECK (state IN ('open', 'started', 'done', 'failed', 'cancelled')),
	CONSTRAINT uq_work_order_key UNIQUE (key)
)
--;;
CREATE INDEX ix_work_order_meter_key ON work_order (meter_key)
--;;
CREATE INDEX ix_work_order_site_state ON work_order (site_key, state, id)
--;;
CREATE TABLE work_visit (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	made_by VARCHAR NOT NULL,
	made_by_name VARCHAR NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	orders JSONB NOT NULL,
	seed_sealed VARCHAR NOT NULL,
	CONSTRAINT pk_work_visit PRIMARY KEY (id),
	CONSTRAINT uq_work_visit_key UNIQUE (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER work_visit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON work_visit FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE role_grant (
	id BIGSERIAL NOT NULL,
	person_key VARCHAR NOT NULL,
	role VARCHAR NOT NULL,
	site VARCHAR NOT NULL,
	granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	granted_by VARCHAR NOT NULL,
	approval_key VARCHAR,
	revoked_at TIMESTAMP WITH TIME ZONE,
	revoked_by VARCHAR,
	CONSTRAINT pk_role_grant PRIMARY KEY (id),
	CONSTRAINT fk_role_grant_person_key FOREIGN KEY(person_key) REFERENCES person (key)
)
--;;
CREATE INDEX ix_role_grant_person_key ON role_grant (person_key)
--;;
CREATE UNIQUE INDEX uq_role_grant_live ON role_grant (person_key, role, site) WHERE revoked_at IS NULL
--;;
CREATE TABLE sign_in_session (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	secret_hash VARCHAR NOT NULL,
	person_key VARCHAR NOT NULL,
	began_at TIMESTAMP WITH TIME ZONE NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
	rest_minutes BIGINT NOT NULL,
	second_factor VARCHAR,
	confirmed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	wrong_pins BIGINT NOT NULL,
	address VARCHAR NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	ended_why VARCHAR,
	CONSTRAINT pk_sign_in_session PRIMARY KEY (id),
	CONSTRAINT uq_sign_in_session_key UNIQUE (key),
	CONSTRAINT uq_sign_in_session_secret_hash UNIQUE (secret_hash),
	CONSTRAINT fk_sign_in_session_person_key FOREIGN KEY(person_key) REFERENCES person (key)
)
--;;
CREATE INDEX ix_sign_in_session_person_key ON sign_in_session (person_key)
--;;
CREATE TABLE passkey (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	person_key VARCHAR NOT NULL,
	credential_id VARCHAR NOT NULL,
	public_key VARCHAR NOT NULL,
	sign_count BIGINT NOT NULL,
	label VARCHAR NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE,
	removed_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_passkey PRIMARY KEY (id),
	CONSTRAINT uq_passkey_key UNIQUE (key),
	CONSTRAINT fk_passkey_person_key FOREIGN KEY(person_key) REFERENCES person (key),
	CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id)
)
--;;
CREATE INDEX ix_passkey_person_key ON passkey (person_key)
--;;
CREATE TABLE approval_signature (
	id BIGSERIAL NOT NULL,
	request_key VARCHAR NOT NULL,
	act_id VARCHAR NOT NULL,
	person_key VARCHAR NOT NULL,
	person_name VARCHAR NOT NULL,
	decision VARCHAR NOT NULL,
	remark VARCHAR,
	method VARCHAR NOT NULL,
	proof JSONB NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	seal VARCHAR NOT NULL,
	CONSTRAINT pk_approval_signature PRIMARY KEY (id),
	CONSTRAINT uq_approval_signature_request_key_person_key UNIQUE (request_key, person_key),
	CONSTRAINT ck_approval_signature_decision_known CHECK (decision IN ('yes', 'no')),
	CONSTRAINT fk_approval_signature_request_key FOREIGN KEY(request_key) REFERENCES approval_request (key),
	CONSTRAINT fk_approval_signature_person_key FOREIGN KEY(person_key) REFERENCES person (key)
)
--;;
CREATE INDEX ix_approval_signature_request_key ON approval_signature (request_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER approval_signature_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON approval_signature FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE site (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	operator_key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	address VARCHAR NOT NULL,
	time_zone VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	languages VARCHAR NOT NULL,
	taxes JSONB NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_site PRIMARY KEY (id),
	CONSTRAINT uq_site_key UNIQUE (key),
	CONSTRAINT fk_site_operator_key FOREIGN KEY(operator_key) REFERENCES operator (key),
	CONSTRAINT uq_site_name UNIQUE (name)
)
--;;
CREATE TABLE search_word (
	word TEXT COLLATE "C" NOT NULL,
	entry_id BIGINT NOT NULL,
	CONSTRAINT pk_search_word PRIMARY KEY (word, entry_id),
	CONSTRAINT fk_search_word_entry_id FOREIGN KEY(entry_id) REFERENCES search_entry (id)
)
--;;
CREATE TABLE ledger_bound (
	account_id BIGINT NOT NULL,
	unit VARCHAR NOT NULL,
	floor BIGINT,
	ceiling BIGINT,
	CONSTRAINT pk_ledger_bound PRIMARY KEY (account_id, unit),
	CONSTRAINT fk_ledger_bound_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id)
)
--;;
CREATE TABLE ledger_leg (
	entry_id BIGINT NOT NULL,
	place BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	unit VARCHAR NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT pk_ledger_leg PRIMARY KEY (entry_id, place),
	CONSTRAINT ck_ledger_leg_amount CHECK (amount <> 0)
)
--;;
CREATE INDEX ix_ledger_leg_account ON ledger_leg (account_id, unit, entry_id, amount)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_leg_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_leg FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE OR REPLACE FUNCTION ampoule_entry_balances() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh GROUP BY entry_id, unit HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'ledger_entry does not balance';
  END IF;
  IF EXISTS (SELECT 1 FROM (SELECT entry_id, count(*) AS legs, min(place) AS low, max(place) AS high
                            FROM fresh GROUP BY entry_id) f
             WHERE f.low <> 0 OR f.high <> f.legs - 1
                OR f.legs IS DISTINCT FROM (SELECT e.legs FROM ledger_entry e WHERE e.id = f.entry_id)) THEN
    RAISE EXCEPTION 'ledger_entry is complete';
  END IF;
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT account_id FROM fresh) f
             WHERE NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.id = f.account_id)) THEN
    RAISE EXCEPTION 'ledger_account does not exist';
  END IF;
  RETURN NULL;
END$$
--;;
CREATE OR REPLACE TRIGGER ledger_entry_balances AFTER INSERT ON ledger_leg
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ampoule_entry_balances()
--;;
CREATE OR REPLACE FUNCTION ampoule_entry_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh WHERE posted_at < (SELECT max(closes_at) FROM ledger_period)) THEN
    RAISE EXCEPTION 'ledger_period is closed';
  END IF;
  RETURN NULL;
END$$
--;;
CREATE OR REPLACE TRIGGER ledger_entry_period AFTER INSERT ON ledger_entry
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ampoule_entry_period()
--;;
CREATE TABLE ledger_snapshot (
	account_id BIGINT NOT NULL,
	unit VARCHAR NOT NULL,
	through_entry BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT pk_ledger_snapshot PRIMARY KEY (account_id, unit, through_entry),
	CONSTRAINT fk_ledger_snapshot_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_snapshot FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE ledger_hold (
	id BIGSERIAL NOT NULL,
	source VARCHAR NOT NULL,
	account_id BIGINT NOT NULL,
	unit VARCHAR NOT NULL,
	amount BIGINT NOT NULL,
	placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_ledger_hold PRIMARY KEY (id),
	CONSTRAINT ck_ledger_hold_amount CHECK (amount > 0),
	CONSTRAINT uq_ledger_hold_source UNIQUE (source),
	CONSTRAINT fk_ledger_hold_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id)
)
--;;
CREATE INDEX ix_ledger_hold_account ON ledger_hold (account_id, unit)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_hold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_hold FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE notice (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	sale_key VARCHAR NOT NULL,
	channel VARCHAR NOT NULL,
	recipient VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	tries BIGINT NOT NULL,
	reference VARCHAR NOT NULL,
	error VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_notice PRIMARY KEY (id),
	CONSTRAINT ck_notice_state_known CHECK (state IN ('waiting', 'accepted', 'refused')),
	CONSTRAINT uq_notice_key UNIQUE (key),
	CONSTRAINT fk_notice_sale_key FOREIGN KEY(sale_key) REFERENCES sale (key)
)
--;;
CREATE INDEX ix_notice_sale_key ON notice (sale_key)
--;;
CREATE TABLE voucher_use (
	number VARCHAR NOT NULL,
	sale_key VARCHAR NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_voucher_use PRIMARY KEY (number),
	CONSTRAINT fk_voucher_use_number FOREIGN KEY(number) REFERENCES voucher (number)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER voucher_use_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON voucher_use FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE receipt_around (
	sale_key VARCHAR NOT NULL,
	around JSONB NOT NULL,
	kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_receipt_around PRIMARY KEY (sale_key),
	CONSTRAINT fk_receipt_around_sale_key FOREIGN KEY(sale_key) REFERENCES sale (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER receipt_around_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_around FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE receipt_paper (
	id BIGSERIAL NOT NULL,
	sale_key VARCHAR NOT NULL,
	number VARCHAR NOT NULL,
	size VARCHAR NOT NULL,
	copy_number BIGINT NOT NULL,
	sha256 VARCHAR NOT NULL,
	made_with JSONB NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_receipt_paper PRIMARY KEY (id),
	CONSTRAINT uq_receipt_paper_sale_key_number_size_copy_number UNIQUE (sale_key, number, size, copy_number),
	CONSTRAINT fk_receipt_paper_sale_key FOREIGN KEY(sale_key) REFERENCES sale (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER receipt_paper_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_paper FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE print_job (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	till VARCHAR NOT NULL,
	sale_key VARCHAR,
	name VARCHAR NOT NULL,
	writing JSONB NOT NULL,
	copy_number BIGINT NOT NULL,
	kick BIGINT NOT NULL,
	round BIGINT NOT NULL,
	state VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_print_job PRIMARY KEY (id),
	CONSTRAINT ck_print_job_state_known CHECK (state IN ('waiting', 'fetched', 'printed', 'unsure', 'dropped')),
	CONSTRAINT uq_print_job_key UNIQUE (key),
	CONSTRAINT fk_print_job_sale_key FOREIGN KEY(sale_key) REFERENCES sale (key)
)
--;;
CREATE INDEX ix_print_job_till ON print_job (site_key, till, state, id)
--;;
CREATE TABLE shift_standing (
	shift_key VARCHAR NOT NULL,
	cashier_key VARCHAR NOT NULL,
	drawer VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	CONSTRAINT pk_shift_standing PRIMARY KEY (shift_key),
	CONSTRAINT ck_shift_standing_state_known CHECK (state IN ('open', 'counted', 'closed')),
	CONSTRAINT fk_shift_standing_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key)
)
--;;
CREATE UNIQUE INDEX ix_shift_standing_cashier ON shift_standing (cashier_key) WHERE state <> 'closed'
--;;
CREATE UNIQUE INDEX ix_shift_standing_drawer ON shift_standing (drawer) WHERE state <> 'closed'
--;;
CREATE TABLE shift_draft (
	shift_key VARCHAR NOT NULL,
	count JSONB NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shift_draft PRIMARY KEY (shift_key),
	CONSTRAINT fk_shift_draft_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key)
)
--;;
CREATE TABLE shift_drop (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	shift_key VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	count JSONB NOT NULL,
	bag VARCHAR NOT NULL,
	witness_key VARCHAR NOT NULL,
	witness_name VARCHAR NOT NULL,
	dropped_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shift_drop PRIMARY KEY (id),
	CONSTRAINT ck_shift_drop_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_shift_drop_key UNIQUE (key),
	CONSTRAINT fk_shift_drop_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key)
)
--;;
CREATE INDEX ix_shift_drop_shift_key ON shift_drop (shift_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER shift_drop_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_drop FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE shift_count (
	shift_key VARCHAR NOT NULL,
	round BIGINT NOT NULL,
	count JSONB NOT NULL,
	expected JSONB NOT NULL,
	counted_by VARCHAR NOT NULL,
	counted_by_name VARCHAR NOT NULL,
	counted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shift_count PRIMARY KEY (shift_key, round),
	CONSTRAINT ck_shift_count_one_recount CHECK (round IN (1, 2)),
	CONSTRAINT fk_shift_count_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER shift_count_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_count FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE shift_closing (
	shift_key VARCHAR NOT NULL,
	differences JSONB NOT NULL,
	reason VARCHAR NOT NULL,
	forgotten BIGINT NOT NULL,
	needs_decision BIGINT NOT NULL,
	through_entry BIGINT NOT NULL,
	takings_minor BIGINT NOT NULL,
	closed_by VARCHAR NOT NULL,
	closed_by_name VARCHAR NOT NULL,
	closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shift_closing PRIMARY KEY (shift_key),
	CONSTRAINT fk_shift_closing_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER shift_closing_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_closing FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE shift_decision (
	shift_key VARCHAR NOT NULL,
	outcome VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	decided_by VARCHAR NOT NULL,
	decided_by_name VARCHAR NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shift_decision PRIMARY KEY (shift_key),
	CONSTRAINT ck_shift_decision_outcome_known CHECK (outcome IN ('accept', 'claim', 'charge')),
	CONSTRAINT fk_shift_decision_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER shift_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_decision FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE bank_batch_shift (
	shift_key VARCHAR NOT NULL,
	batch_key VARCHAR NOT NULL,
	CONSTRAINT pk_bank_batch_shift PRIMARY KEY (shift_key),
	CONSTRAINT fk_bank_batch_shift_shift_key FOREIGN KEY(shift_key) REFERENCES shift (key),
	CONSTRAINT fk_bank_batch_shift_batch_key FOREIGN KEY(batch_key) REFERENCES bank_batch (key)
)
--;;
CREATE INDEX ix_bank_batch_shift_batch_key ON bank_batch_shift (batch_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER bank_batch_shift_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_batch_shift FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE bank_line (
	reference VARCHAR NOT NULL,
	batch_key VARCHAR NOT NULL,
	way VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	value_date VARCHAR NOT NULL,
	entered_by VARCHAR NOT NULL,
	entered_by_name VARCHAR NOT NULL,
	entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_bank_line PRIMARY KEY (reference),
	CONSTRAINT ck_bank_line_amount CHECK (amount_minor > 0),
	CONSTRAINT fk_bank_line_batch_key FOREIGN KEY(batch_key) REFERENCES bank_batch (key)
)
--;;
CREATE INDEX ix_bank_line_batch_key ON bank_line (batch_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER bank_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_line FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE bank_explanation (
	key VARCHAR NOT NULL,
	batch_key VARCHAR NOT NULL,
	way VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	reason VARCHAR NOT NULL,
	explained_by VARCHAR NOT NULL,
	explained_by_name VARCHAR NOT NULL,
	explained_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_bank_explanation PRIMARY KEY (key),
	CONSTRAINT fk_bank_explanation_batch_key FOREIGN KEY(batch_key) REFERENCES bank_batch (key)
)
--;;
CREATE INDEX ix_bank_explanation_batch_key ON bank_explanation (batch_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER bank_explanation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_explanation FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE tariff_publication (
	version_id BIGINT NOT NULL,
	code VARCHAR NOT NULL,
	valid_from VARCHAR NOT NULL,
	published_at TIMESTAMP WITH TIME ZONE NOT NULL,
	requested_by VARCHAR NOT NULL,
	approved_by VARCHAR NOT NULL,
	approval VARCHAR NOT NULL,
	hash VARCHAR NOT NULL,
	CONSTRAINT pk_tariff_publication PRIMARY KEY (version_id),
	CONSTRAINT ck_tariff_publication_two_people CHECK (requested_by <> approved_by),
	CONSTRAINT fk_tariff_publication_version_id FOREIGN KEY(version_id) REFERENCES tariff_version (id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER tariff_publication_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tariff_publication FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE tariff_withdrawal (
	version_id BIGINT NOT NULL,
	withdrawn_at TIMESTAMP WITH TIME ZONE NOT NULL,
	withdrawn_by VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	CONSTRAINT pk_tariff_withdrawal PRIMARY KEY (version_id),
	CONSTRAINT fk_tariff_withdrawal_version_id FOREIGN KEY(version_id) REFERENCES tariff_version (id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER tariff_withdrawal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tariff_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE vend (
	id BIGSERIAL NOT NULL,
	order_id VARCHAR NOT NULL,
	sale_key VARCHAR NOT NULL,
	position BIGINT NOT NULL,
	kind VARCHAR NOT NULL,
	meter_key VARCHAR,
	pan VARCHAR,
	tenant_key VARCHAR,
	service VARCHAR NOT NULL,
	units BIGINT NOT NULL,
	free_units BIGINT NOT NULL,
	paid_minor BIGINT NOT NULL,
	returned_minor BIGINT NOT NULL,
	currency VARCHAR NOT NULL,
	carried_minor BIGINT NOT NULL,
	tariff_version VARCHAR NOT NULL,
	priced JSONB NOT NULL,
	keying JSONB NOT NULL,
	carries JSONB NOT NULL,
	approval VARCHAR,
	settlement JSONB NOT NULL,
	state VARCHAR NOT NULL,
	refusal_code VARCHAR,
	refusal_sentence VARCHAR,
	paid_at TIMESTAMP WITH TIME ZONE NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_vend PRIMARY KEY (id),
	CONSTRAINT ck_vend_state_known CHECK (state IN ('asked', 'withdrawn', 'paid', 'issued', 'partly', 'refused', 'cancelled', 'reversed')),
	CONSTRAINT ck_vend_sells_something CHECK (units >= 0 AND free_units >= 0 AND paid_minor >= 0 AND returned_minor >= 0),
	CONSTRAINT uq_vend_order_id UNIQUE (order_id),
	CONSTRAINT fk_vend_sale_key FOREIGN KEY(sale_key) REFERENCES sale (key)
)
--;;
CREATE INDEX ix_vend_asked ON vend (id) WHERE state = 'asked'
--;;
CREATE INDEX ix_vend_meter_paid_at ON vend (meter_key, paid_at)
--;;
CREATE INDEX ix_vend_open ON vend (id) WHERE state = 'paid'
--;;
CREATE INDEX ix_vend_sale_key ON vend (sale_key)
--;;
CREATE INDEX ix_vend_tenant_paid_at ON vend (tenant_key, paid_at)
--;;
CREATE TABLE work_result (
	order_key VARCHAR NOT NULL,
	visit_key VARCHAR NOT NULL,
	meter_key VARCHAR NOT NULL,
	status VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	sentence VARCHAR NOT NULL,
	readings JSONB NOT NULL,
	brought_by VARCHAR NOT NULL,
	brought_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_work_result PRIMARY KEY (order_key),
	CONSTRAINT fk_work_result_order_key FOREIGN KEY(order_key) REFERENCES work_order (key),
	CONSTRAINT fk_work_result_visit_key FOREIGN KEY(visit_key) REFERENCES work_visit (key)
)
--;;
CREATE INDEX ix_work_result_meter_key ON work_result (meter_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER work_result_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON work_result FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE site_holiday (
	site_key VARCHAR NOT NULL,
	day DATE NOT NULL,
	name VARCHAR NOT NULL,
	CONSTRAINT pk_site_holiday PRIMARY KEY (site_key, day),
	CONSTRAINT fk_site_holiday_site_key FOREIGN KEY(site_key) REFERENCES site (key)
)
--;;
CREATE TABLE building (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	CONSTRAINT pk_building PRIMARY KEY (id),
	CONSTRAINT uq_building_site_key_name UNIQUE (site_key, name),
	CONSTRAINT uq_building_key UNIQUE (key),
	CONSTRAINT fk_building_site_key FOREIGN KEY(site_key) REFERENCES site (key)
)
--;;
CREATE TABLE tenant (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	parent_key VARCHAR,
	number VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	phone VARCHAR NOT NULL,
	email VARCHAR NOT NULL,
	tax_number VARCHAR NOT NULL,
	language VARCHAR NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_tenant PRIMARY KEY (id),
	CONSTRAINT uq_tenant_site_key_number UNIQUE (site_key, number),
	CONSTRAINT ck_tenant_kind_known CHECK (kind IN ('company', 'department', 'person')),
	CONSTRAINT uq_tenant_key UNIQUE (key),
	CONSTRAINT fk_tenant_site_key FOREIGN KEY(site_key) REFERENCES site (key),
	CONSTRAINT fk_tenant_parent_key FOREIGN KEY(parent_key) REFERENCES tenant (key)
)
--;;
CREATE INDEX ix_tenant_parent_key ON tenant (parent_key)
--;;
CREATE INDEX ix_tenant_site_key ON tenant (site_key)
--;;
CREATE TABLE circuit (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	parent_key VARCHAR,
	name VARCHAR NOT NULL,
	service VARCHAR NOT NULL,
	rating_amperes BIGINT,
	measured_by VARCHAR,
	CONSTRAINT pk_circuit PRIMARY KEY (id),
	CONSTRAINT uq_circuit_site_key_name UNIQUE (site_key, name),
	CONSTRAINT uq_circuit_key UNIQUE (key),
	CONSTRAINT fk_circuit_site_key FOREIGN KEY(site_key) REFERENCES site (key),
	CONSTRAINT fk_circuit_parent_key FOREIGN KEY(parent_key) REFERENCES circuit (key),
	CONSTRAINT uq_circuit_measured_by UNIQUE (measured_by)
)
--;;
CREATE INDEX ix_circuit_parent_key ON circuit (parent_key)
--;;
CREATE TABLE ledger_hold_end (
	hold_id BIGINT NOT NULL,
	outcome VARCHAR NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_ledger_hold_end PRIMARY KEY (hold_id),
	CONSTRAINT ck_ledger_hold_end_outcome CHECK (outcome IN ('settled', 'voided')),
	CONSTRAINT fk_ledger_hold_end_hold_id FOREIGN KEY(hold_id) REFERENCES ledger_hold (id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER ledger_hold_end_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_hold_end FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE fee (
	id BIGSERIAL NOT NULL,
	site_key VARCHAR NOT NULL,
	code VARCHAR NOT NULL,
	label VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	amount_minor BIGINT,
	tax_code VARCHAR NOT NULL,
	tax_label VARCHAR NOT NULL,
	tax_percent VARCHAR NOT NULL,
	tax_included BOOLEAN NOT NULL,
	retired BOOLEAN NOT NULL,
	published_at TIMESTAMP WITH TIME ZONE NOT NULL,
	published_by VARCHAR NOT NULL,
	approval_key VARCHAR,
	reason VARCHAR NOT NULL,
	CONSTRAINT pk_fee PRIMARY KEY (id),
	CONSTRAINT ck_fee_amount_positive CHECK (amount_minor IS NULL OR amount_minor > 0),
	CONSTRAINT fk_fee_site_key FOREIGN KEY(site_key) REFERENCES site (key)
)
--;;
CREATE INDEX ix_fee_site_code ON fee (site_key, code, id)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER fee_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fee FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE token_request (
	part_id VARCHAR NOT NULL,
	order_id VARCHAR NOT NULL,
	position BIGINT NOT NULL,
	kind VARCHAR NOT NULL,
	units BIGINT,
	asked JSONB NOT NULL,
	CONSTRAINT pk_token_request PRIMARY KEY (part_id),
	CONSTRAINT uq_token_request_order_id_position UNIQUE (order_id, position),
	CONSTRAINT fk_token_request_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER token_request_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON token_request FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE allowance_claim (
	id BIGSERIAL NOT NULL,
	order_id VARCHAR NOT NULL,
	entitlement VARCHAR NOT NULL,
	month VARCHAR NOT NULL,
	given_back_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_allowance_claim PRIMARY KEY (id),
	CONSTRAINT uq_allowance_claim_order_id UNIQUE (order_id),
	CONSTRAINT fk_allowance_claim_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id)
)
--;;
CREATE UNIQUE INDEX uq_allowance_claim_once_a_month ON allowance_claim (entitlement, month) WHERE given_back_at IS NULL
--;;
CREATE TABLE key_change (
	order_id VARCHAR NOT NULL,
	meter_key VARCHAR NOT NULL,
	before JSONB NOT NULL,
	after JSONB NOT NULL,
	rollover BOOLEAN NOT NULL,
	state VARCHAR NOT NULL,
	released_at TIMESTAMP WITH TIME ZONE NOT NULL,
	handed_out_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	ended_by VARCHAR,
	evidence JSONB NOT NULL,
	CONSTRAINT pk_key_change PRIMARY KEY (order_id),
	CONSTRAINT ck_key_change_state_known CHECK (state IN ('released', 'confirmed', 'returned')),
	CONSTRAINT fk_key_change_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id)
)
--;;
CREATE INDEX ix_key_change_meter ON key_change (meter_key, state)
--;;
CREATE TABLE token_act (
	order_id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	meter_key VARCHAR NOT NULL,
	approval_key VARCHAR,
	reason VARCHAR NOT NULL,
	work_order VARCHAR NOT NULL,
	asked_by VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_token_act PRIMARY KEY (order_id),
	CONSTRAINT fk_token_act_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id),
	CONSTRAINT uq_token_act_approval_key UNIQUE (approval_key)
)
--;;
CREATE INDEX ix_token_act_meter_key ON token_act (meter_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER token_act_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON token_act FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE reversal (
	order_id VARCHAR NOT NULL,
	of_order VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	way VARCHAR NOT NULL,
	book_as VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	why VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	evidence JSONB NOT NULL,
	pays_tenant VARCHAR NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency VARCHAR NOT NULL,
	approval_key VARCHAR,
	credit_note VARCHAR,
	content JSONB NOT NULL,
	content_hash VARCHAR NOT NULL,
	asked_by VARCHAR NOT NULL,
	asked_by_name VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_reversal PRIMARY KEY (order_id),
	CONSTRAINT ck_reversal_state_known CHECK (state IN ('asked', 'done', 'withdrawn')),
	CONSTRAINT ck_reversal_way_known CHECK (way IN ('cancelled', 'proved', 'agreed')),
	CONSTRAINT ck_reversal_two_people CHECK (way = 'cancelled' OR state <> 'done' OR approval_key IS NOT NULL),
	CONSTRAINT fk_reversal_of_order FOREIGN KEY(of_order) REFERENCES vend (order_id),
	CONSTRAINT uq_reversal_credit_note UNIQUE (credit_note)
)
--;;
CREATE UNIQUE INDEX uq_reversal_one_of_an_order ON reversal (of_order) WHERE state <> 'withdrawn'
--;;
CREATE TABLE floor (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	building_key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	level BIGINT NOT NULL,
	CONSTRAINT pk_floor PRIMARY KEY (id),
	CONSTRAINT uq_floor_building_key_name UNIQUE (building_key, name),
	CONSTRAINT uq_floor_key UNIQUE (key),
	CONSTRAINT fk_floor_building_key FOREIGN KEY(building_key) REFERENCES building (key)
)
--;;
CREATE TABLE tenant_contact (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	tenant_key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	role VARCHAR NOT NULL,
	phone VARCHAR NOT NULL,
	email VARCHAR NOT NULL,
	CONSTRAINT pk_tenant_contact PRIMARY KEY (id),
	CONSTRAINT uq_tenant_contact_key UNIQUE (key),
	CONSTRAINT fk_tenant_contact_tenant_key FOREIGN KEY(tenant_key) REFERENCES tenant (key)
)
--;;
CREATE INDEX ix_tenant_contact_tenant_key ON tenant_contact (tenant_key)
--;;
CREATE TABLE token_refusal (
	part_id VARCHAR NOT NULL,
	code VARCHAR NOT NULL,
	sentence VARCHAR NOT NULL,
	refused_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_token_refusal PRIMARY KEY (part_id),
	CONSTRAINT fk_token_refusal_part_id FOREIGN KEY(part_id) REFERENCES token_request (part_id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER token_refusal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON token_refusal FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE token (
	id BIGSERIAL NOT NULL,
	order_id VARCHAR NOT NULL,
	part_id VARCHAR NOT NULL,
	position BIGINT NOT NULL,
	kind VARCHAR NOT NULL,
	pan VARCHAR NOT NULL,
	absolute_minute BIGINT,
	tid BIGINT,
	base_date BIGINT NOT NULL,
	units BIGINT,
	digits VARCHAR NOT NULL,
	sequence BIGINT NOT NULL,
	logged_at TIMESTAMP WITH TIME ZONE NOT NULL,
	log VARCHAR NOT NULL,
	salt VARCHAR NOT NULL,
	leaf VARCHAR NOT NULL,
	signature VARCHAR NOT NULL,
	CONSTRAINT pk_token PRIMARY KEY (id),
	CONSTRAINT uq_token_pan_absolute_minute UNIQUE (pan, absolute_minute),
	CONSTRAINT uq_token_order_id_position UNIQUE (order_id, position),
	CONSTRAINT ck_token_twenty_digits CHECK (length(digits) = 20),
	CONSTRAINT fk_token_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id),
	CONSTRAINT fk_token_part_id FOREIGN KEY(part_id) REFERENCES token_request (part_id)
)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER token_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON token FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE space (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	floor_key VARCHAR,
	code VARCHAR NOT NULL,
	format VARCHAR NOT NULL,
	area_cm2 BIGINT NOT NULL,
	CONSTRAINT pk_space PRIMARY KEY (id),
	CONSTRAINT uq_space_site_key_code UNIQUE (site_key, code),
	CONSTRAINT ck_space_area_positive CHECK (area_cm2 > 0),
	CONSTRAINT uq_space_key UNIQUE (key),
	CONSTRAINT fk_space_site_key FOREIGN KEY(site_key) REFERENCES site (key),
	CONSTRAINT fk_space_floor_key FOREIGN KEY(floor_key) REFERENCES floor (key)
)
--;;
CREATE INDEX ix_space_floor_key ON space (floor_key)
--;;
CREATE TABLE lease (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	space_key VARCHAR NOT NULL,
	tenant_key VARCHAR NOT NULL,
	starts_on DATE NOT NULL,
	ends_on DATE,
	deposit_minor BIGINT NOT NULL,
	tariffs JSONB NOT NULL,
	shares JSONB NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_lease PRIMARY KEY (id),
	CONSTRAINT ck_lease_term_runs_forward CHECK (ends_on IS NULL OR ends_on > starts_on),
	CONSTRAINT ck_lease_deposit_not_negative CHECK (deposit_minor >= 0),
	CONSTRAINT uq_lease_key UNIQUE (key),
	CONSTRAINT fk_lease_site_key FOREIGN KEY(site_key) REFERENCES site (key),
	CONSTRAINT fk_lease_space_key FOREIGN KEY(space_key) REFERENCES space (key),
	CONSTRAINT fk_lease_tenant_key FOREIGN KEY(tenant_key) REFERENCES tenant (key)
)
--;;
CREATE INDEX ix_lease_space_key ON lease (space_key)
--;;
CREATE INDEX ix_lease_tenant_key ON lease (tenant_key)
--;;
CREATE TABLE meter (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	space_key VARCHAR,
	circuit_key VARCHAR,
	pan VARCHAR NOT NULL,
	drn VARCHAR NOT NULL,
	label VARCHAR NOT NULL,
	service VARCHAR NOT NULL,
	credit_in VARCHAR NOT NULL,
	profile VARCHAR NOT NULL,
	meter_class VARCHAR NOT NULL,
	tariff VARCHAR,
	driver VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	blocked_why VARCHAR,
	power_limit_w BIGINT,
	token_limit_units BIGINT,
	ct_primary BIGINT NOT NULL,
	ct_secondary BIGINT NOT NULL,
	vt_primary BIGINT NOT NULL,
	vt_secondary BIGINT NOT NULL,
	ratio_applied_by VARCHAR NOT NULL,
	tid_floor BIGINT,
	factory_credit_units BIGINT,
	ea VARCHAR NOT NULL,
	tct VARCHAR NOT NULL,
	dkga VARCHAR NOT NULL,
	sgc VARCHAR NOT NULL,
	krn BIGINT NOT NULL,
	ti VARCHAR NOT NULL,
	key_type BIGINT NOT NULL,
	ken BIGINT NOT NULL,
	base_date BIGINT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	commissioned_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_meter PRIMARY KEY (id),
	CONSTRAINT ck_meter_credit_place_known CHECK (credit_in IN ('meter', 'account')),
	CONSTRAINT ck_meter_state_known CHECK (state IN ('registered', 'in service', 'blocked', 'removed')),
	CONSTRAINT ck_meter_ratio_place_known CHECK (ratio_applied_by IN ('meter', 'vendor')),
	CONSTRAINT ck_meter_ratio_positive CHECK (ct_primary >= 1 AND ct_secondary >= 1 AND vt_primary >= 1 AND vt_secondary >= 1),
	CONSTRAINT uq_meter_key UNIQUE (key),
	CONSTRAINT fk_meter_site_key FOREIGN KEY(site_key) REFERENCES site (key),
	CONSTRAINT fk_meter_space_key FOREIGN KEY(space_key) REFERENCES space (key),
	CONSTRAINT fk_meter_circuit_key FOREIGN KEY(circuit_key) REFERENCES circuit (key),
	CONSTRAINT uq_meter_pan UNIQUE (pan)
)
--;;
CREATE INDEX ix_meter_circuit_key ON meter (circuit_key)
--;;
CREATE INDEX ix_meter_drn ON meter (drn)
--;;
CREATE INDEX ix_meter_site_key ON meter (site_key)
--;;
CREATE INDEX ix_meter_space_key ON meter (space_key)
--;;
CREATE TABLE meter_key_data (
	id BIGSERIAL NOT NULL,
	meter_key VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	ea VARCHAR NOT NULL,
	tct VARCHAR NOT NULL,
	dkga VARCHAR NOT NULL,
	sgc VARCHAR NOT NULL,
	krn BIGINT NOT NULL,
	ti VARCHAR NOT NULL,
	key_type BIGINT NOT NULL,
	ken BIGINT NOT NULL,
	base_date BIGINT NOT NULL,
	actor VARCHAR NOT NULL,
	evidence VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	CONSTRAINT pk_meter_key_data PRIMARY KEY (id),
	CONSTRAINT fk_meter_key_data_meter_key FOREIGN KEY(meter_key) REFERENCES meter (key)
)
--;;
CREATE INDEX ix_meter_key_data_meter_key ON meter_key_data (meter_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER meter_key_data_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON meter_key_data FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE meter_ratio (
	id BIGSERIAL NOT NULL,
	meter_key VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	ct_primary BIGINT NOT NULL,
	ct_secondary BIGINT NOT NULL,
	vt_primary BIGINT NOT NULL,
	vt_secondary BIGINT NOT NULL,
	applied_by VARCHAR NOT NULL,
	approval_key VARCHAR,
	reason VARCHAR NOT NULL,
	CONSTRAINT pk_meter_ratio PRIMARY KEY (id),
	CONSTRAINT fk_meter_ratio_meter_key FOREIGN KEY(meter_key) REFERENCES meter (key)
)
--;;
CREATE INDEX ix_meter_ratio_meter_key ON meter_ratio (meter_key)
--;;
CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%% is append only', TG_TABLE_NAME; END$$
--;;
CREATE OR REPLACE TRIGGER meter_ratio_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON meter_ratio FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()
--;;
CREATE TABLE meter_register (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	meter_key VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	service VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	unit VARCHAR NOT NULL,
	subclass BIGINT NOT NULL,
	tariff VARCHAR,
	CONSTRAINT pk_meter_register PRIMARY KEY (id),
	CONSTRAINT uq_meter_register_meter_key_name UNIQUE (meter_key, name),
	CONSTRAINT ck_meter_register_source_known CHECK (source IN ('mains', 'generator')),
	CONSTRAINT uq_meter_register_key UNIQUE (key),
	CONSTRAINT fk_meter_register_meter_key FOREIGN KEY(meter_key) REFERENCES meter (key)
)
--;;
CREATE INDEX ix_meter_register_meter_key ON meter_register (meter_key)
--;;
CREATE TABLE move_out (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	lease_key VARCHAR NOT NULL,
	tenant_key VARCHAR NOT NULL,
	space_key VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	content JSONB NOT NULL,
	reason VARCHAR NOT NULL,
	approval_key VARCHAR NOT NULL,
	asked_by VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	done_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_move_out PRIMARY KEY (id),
	CONSTRAINT ck_move_out_state_known CHECK (state IN ('asked', 'done', 'withdrawn')),
	CONSTRAINT uq_move_out_key UNIQUE (key),
	CONSTRAINT fk_move_out_lease_key FOREIGN KEY(lease_key) REFERENCES lease (key),
	CONSTRAINT uq_move_out_approval_key UNIQUE (approval_key)
)
--;;
CREATE INDEX ix_move_out_lease_key ON move_out (lease_key)
--;;
CREATE UNIQUE INDEX uq_move_out_one_of_a_lease ON move_out (lease_key) WHERE state <> 'withdrawn'
--;;
CREATE TABLE meter_swap (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	site_key VARCHAR NOT NULL,
	old_meter VARCHAR NOT NULL,
	new_meter VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	units BIGINT NOT NULL,
	order_id VARCHAR,
	content JSONB NOT NULL,
	reason VARCHAR NOT NULL,
	approval_key VARCHAR NOT NULL,
	asked_by VARCHAR NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	done_at TIMESTAMP WITH TIME ZONE,
	found_units BIGINT,
	found_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_meter_swap PRIMARY KEY (id),
	CONSTRAINT ck_meter_swap_state_known CHECK (state IN ('asked', 'done', 'withdrawn')),
	CONSTRAINT ck_meter_swap_swaps_something CHECK (units >= 0 AND old_meter <> new_meter),
	CONSTRAINT uq_meter_swap_key UNIQUE (key),
	CONSTRAINT fk_meter_swap_old_meter FOREIGN KEY(old_meter) REFERENCES meter (key),
	CONSTRAINT fk_meter_swap_new_meter FOREIGN KEY(new_meter) REFERENCES meter (key),
	CONSTRAINT uq_meter_swap_approval_key UNIQUE (approval_key)
)
--;;
CREATE INDEX ix_meter_swap_old_meter ON meter_swap (old_meter)
--;;
CREATE UNIQUE INDEX uq_meter_swap_one_of_a_meter ON meter_swap (old_meter) WHERE state <> 'withdrawn'
