CREATE TABLE audit_entry (
	id INTEGER NOT NULL,
	at TEXT NOT NULL,
	actor TEXT NOT NULL,
	actor_name TEXT NOT NULL,
	act TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail TEXT NOT NULL,
	reason TEXT,
	CONSTRAINT pk_audit_entry PRIMARY KEY (id)
)
 STRICT
--;;
CREATE INDEX ix_audit_entry_act ON audit_entry (act)
--;;
CREATE INDEX ix_audit_entry_subject ON audit_entry (subject)
--;;
CREATE TRIGGER IF NOT EXISTS audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit_entry is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit_entry is append only'); END
--;;
CREATE TABLE audit_batch (
	id INTEGER NOT NULL,
	first_entry INTEGER NOT NULL,
	last_entry INTEGER NOT NULL,
	closed_at TEXT NOT NULL,
	previous_head TEXT NOT NULL,
	head TEXT NOT NULL,
	CONSTRAINT pk_audit_batch PRIMARY KEY (id),
	CONSTRAINT uq_audit_batch_first_entry UNIQUE (first_entry),
	CONSTRAINT uq_audit_batch_last_entry UNIQUE (last_entry),
	CONSTRAINT uq_audit_batch_head UNIQUE (head)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS audit_batch_no_update BEFORE UPDATE ON audit_batch BEGIN SELECT RAISE(ABORT, 'audit_batch is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS audit_batch_no_delete BEFORE DELETE ON audit_batch BEGIN SELECT RAISE(ABORT, 'audit_batch is append only'); END
--;;
CREATE TABLE outbox (
	id INTEGER NOT NULL,
	event TEXT NOT NULL,
	payload TEXT NOT NULL,
	created_at TEXT NOT NULL,
	due_at TEXT NOT NULL,
	tries INTEGER NOT NULL,
	delivered_at TEXT,
	dead_at TEXT,
	last_error TEXT,
	CONSTRAINT pk_outbox PRIMARY KEY (id)
)
 STRICT
--;;
CREATE INDEX ix_outbox_due ON outbox (delivered_at, dead_at, due_at)
--;;
CREATE TABLE schedule (
	name TEXT NOT NULL,
	last_slot TEXT NOT NULL,
	CONSTRAINT pk_schedule PRIMARY KEY (name)
)
 STRICT
--;;
CREATE TABLE person (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	login TEXT NOT NULL,
	name TEXT NOT NULL,
	language TEXT NOT NULL,
	tenant_key TEXT,
	password_hash TEXT,
	password_set_at TEXT,
	must_change_password INTEGER NOT NULL,
	pin_hash TEXT,
	totp_sealed TEXT,
	totp_confirmed_at TEXT,
	totp_last_step INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	disabled_at TEXT,
	CONSTRAINT pk_person PRIMARY KEY (id),
	CONSTRAINT uq_person_key UNIQUE ("key"),
	CONSTRAINT uq_person_login UNIQUE (login)
)
 STRICT
--;;
CREATE INDEX ix_person_tenant_key ON person (tenant_key)
--;;
CREATE TABLE guesses (
	subject TEXT NOT NULL,
	wrong INTEGER NOT NULL,
	last_at TEXT NOT NULL,
	wait_until TEXT NOT NULL,
	CONSTRAINT pk_guesses PRIMARY KEY (subject)
)
 STRICT
--;;
CREATE TABLE ceremony (
	id INTEGER NOT NULL,
	challenge TEXT NOT NULL,
	purpose TEXT NOT NULL,
	person_key TEXT,
	expires_at TEXT NOT NULL,
	used_at TEXT,
	CONSTRAINT pk_ceremony PRIMARY KEY (id),
	CONSTRAINT uq_ceremony_challenge UNIQUE (challenge)
)
 STRICT
--;;
CREATE TABLE api_key (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	secret_hash TEXT NOT NULL,
	name TEXT NOT NULL,
	site TEXT NOT NULL,
	scopes TEXT NOT NULL,
	calls_a_minute INTEGER NOT NULL,
	sale_limit_minor INTEGER NOT NULL,
	seller TEXT,
	made_by TEXT NOT NULL,
	made_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	revoked_at TEXT,
	used_at TEXT,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT uq_api_key_key UNIQUE ("key"),
	CONSTRAINT uq_api_key_secret_hash UNIQUE (secret_hash)
)
 STRICT
--;;
CREATE TABLE approval_request (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	act_id TEXT NOT NULL,
	text TEXT NOT NULL,
	act TEXT NOT NULL,
	site TEXT NOT NULL,
	subject TEXT NOT NULL,
	beneficiary TEXT,
	maker TEXT NOT NULL,
	maker_name TEXT NOT NULL,
	reason TEXT NOT NULL,
	evidence TEXT NOT NULL,
	made_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	state TEXT NOT NULL,
	decided_at TEXT,
	used_at TEXT,
	used_for TEXT,
	CONSTRAINT pk_approval_request PRIMARY KEY (id),
	CONSTRAINT ck_approval_request_state_known CHECK (state IN ('open', 'approved', 'refused', 'withdrawn', 'used')),
	CONSTRAINT uq_approval_request_key UNIQUE ("key"),
	CONSTRAINT uq_approval_request_act_id UNIQUE (act_id)
)
 STRICT
--;;
CREATE INDEX ix_approval_request_site ON approval_request (site)
--;;
CREATE INDEX ix_approval_request_state ON approval_request (state, site)
--;;
CREATE TABLE operator (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	name TEXT NOT NULL,
	address TEXT NOT NULL,
	tax_number TEXT NOT NULL,
	phone TEXT NOT NULL,
	email TEXT NOT NULL,
	CONSTRAINT pk_operator PRIMARY KEY (id),
	CONSTRAINT uq_operator_key UNIQUE ("key")
)
 STRICT
--;;
CREATE TABLE search_entry (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	subject_key TEXT NOT NULL,
	site_key TEXT NOT NULL,
	text TEXT NOT NULL,
	CONSTRAINT pk_search_entry PRIMARY KEY (id),
	CONSTRAINT uq_search_entry_subject_key UNIQUE (subject_key)
)
 STRICT
--;;
CREATE TABLE ledger_account (
	id INTEGER NOT NULL,
	path TEXT NOT NULL,
	kind TEXT NOT NULL,
	sign INTEGER NOT NULL,
	floor INTEGER,
	opened_at TEXT NOT NULL,
	CONSTRAINT pk_ledger_account PRIMARY KEY (id),
	CONSTRAINT uq_ledger_account_path UNIQUE (path)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS ledger_account_no_update BEFORE UPDATE ON ledger_account BEGIN SELECT RAISE(ABORT, 'ledger_account is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_account_no_delete BEFORE DELETE ON ledger_account BEGIN SELECT RAISE(ABORT, 'ledger_account is append only'); END
--;;
CREATE TABLE ledger_entry (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	source TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	posted_at TEXT NOT NULL,
	reverses INTEGER,
	legs INTEGER NOT NULL,
	note TEXT NOT NULL,
	CONSTRAINT pk_ledger_entry PRIMARY KEY (id),
	CONSTRAINT uq_ledger_entry_source_kind UNIQUE (source, kind),
	CONSTRAINT ck_ledger_entry_legs CHECK (legs >= 2),
	CONSTRAINT fk_ledger_entry_reverses FOREIGN KEY(reverses) REFERENCES ledger_entry (id)
)
 STRICT
--;;
CREATE INDEX ix_ledger_entry_posted_at ON ledger_entry (posted_at)
--;;
CREATE UNIQUE INDEX uq_ledger_entry_reverses ON ledger_entry (reverses) WHERE reverses IS NOT NULL
--;;
CREATE TRIGGER IF NOT EXISTS ledger_entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append only'); END
--;;
CREATE TABLE ledger_period (
	id INTEGER NOT NULL,
	closes_at TEXT NOT NULL,
	through_entry INTEGER NOT NULL,
	closed_at TEXT NOT NULL,
	closed_by TEXT NOT NULL,
	digest TEXT NOT NULL,
	CONSTRAINT pk_ledger_period PRIMARY KEY (id),
	CONSTRAINT uq_ledger_period_closes_at UNIQUE (closes_at)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS ledger_period_no_update BEFORE UPDATE ON ledger_period BEGIN SELECT RAISE(ABORT, 'ledger_period is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_period_no_delete BEFORE DELETE ON ledger_period BEGIN SELECT RAISE(ABORT, 'ledger_period is append only'); END
--;;
CREATE TABLE payment (
	id INTEGER NOT NULL,
	sale_key TEXT NOT NULL,
	position INTEGER NOT NULL,
	way TEXT NOT NULL,
	currency TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	received_minor INTEGER NOT NULL,
	change_minor INTEGER NOT NULL,
	rounding_minor INTEGER NOT NULL,
	reference TEXT NOT NULL,
	till TEXT NOT NULL,
	shift TEXT NOT NULL,
	taken_by TEXT NOT NULL,
	taken_at TEXT NOT NULL,
	CONSTRAINT pk_payment PRIMARY KEY (id),
	CONSTRAINT uq_payment_sale_key_position UNIQUE (sale_key, position)
)
 STRICT
--;;
CREATE INDEX ix_payment_shift ON payment (shift)
--;;
CREATE TRIGGER IF NOT EXISTS payment_no_update BEFORE UPDATE ON payment BEGIN SELECT RAISE(ABORT, 'payment is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS payment_no_delete BEFORE DELETE ON payment BEGIN SELECT RAISE(ABORT, 'payment is append only'); END
--;;
CREATE TABLE transfer_use (
	reference TEXT NOT NULL,
	used_for TEXT NOT NULL,
	used_at TEXT NOT NULL,
	CONSTRAINT pk_transfer_use PRIMARY KEY (reference)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS transfer_use_no_update BEFORE UPDATE ON transfer_use BEGIN SELECT RAISE(ABORT, 'transfer_use is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS transfer_use_no_delete BEFORE DELETE ON transfer_use BEGIN SELECT RAISE(ABORT, 'transfer_use is append only'); END
--;;
CREATE TABLE seller (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	code TEXT NOT NULL,
	name TEXT NOT NULL,
	site_key TEXT NOT NULL,
	currency TEXT NOT NULL,
	commission_basis_points INTEGER NOT NULL,
	credit_limit_minor INTEGER NOT NULL,
	blocked_why TEXT,
	made_at TEXT NOT NULL,
	changed_at TEXT NOT NULL,
	CONSTRAINT pk_seller PRIMARY KEY (id),
	CONSTRAINT ck_seller_commission_bounded CHECK (commission_basis_points BETWEEN 0 AND 2500),
	CONSTRAINT ck_seller_credit_not_negative CHECK (credit_limit_minor >= 0),
	CONSTRAINT uq_seller_key UNIQUE ("key"),
	CONSTRAINT uq_seller_code UNIQUE (code)
)
 STRICT
--;;
CREATE INDEX ix_seller_site_key ON seller (site_key)
--;;
CREATE TABLE seller_handover (
	id INTEGER NOT NULL,
	order_id TEXT NOT NULL,
	seller TEXT NOT NULL,
	said_by TEXT NOT NULL,
	at TEXT NOT NULL,
	CONSTRAINT pk_seller_handover PRIMARY KEY (id),
	CONSTRAINT uq_seller_handover_order_id UNIQUE (order_id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS seller_handover_no_update BEFORE UPDATE ON seller_handover BEGIN SELECT RAISE(ABORT, 'seller_handover is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS seller_handover_no_delete BEFORE DELETE ON seller_handover BEGIN SELECT RAISE(ABORT, 'seller_handover is append only'); END
--;;
CREATE TABLE voucher (
	id INTEGER NOT NULL,
	number TEXT NOT NULL,
	site_key TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	issuer TEXT NOT NULL,
	valid_until TEXT,
	added_by TEXT NOT NULL,
	added_at TEXT NOT NULL,
	CONSTRAINT pk_voucher PRIMARY KEY (id),
	CONSTRAINT ck_voucher_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_voucher_number UNIQUE (number)
)
 STRICT
--;;
CREATE INDEX ix_voucher_site_key ON voucher (site_key)
--;;
CREATE TRIGGER IF NOT EXISTS voucher_no_update BEFORE UPDATE ON voucher BEGIN SELECT RAISE(ABORT, 'voucher is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS voucher_no_delete BEFORE DELETE ON voucher BEGIN SELECT RAISE(ABORT, 'voucher is append only'); END
--;;
CREATE TABLE unclaimed (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	way TEXT NOT NULL,
	currency TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	reference TEXT NOT NULL,
	note TEXT NOT NULL,
	till TEXT NOT NULL,
	shift TEXT NOT NULL,
	received_by TEXT NOT NULL,
	received_by_name TEXT NOT NULL,
	received_at TEXT NOT NULL,
	CONSTRAINT pk_unclaimed PRIMARY KEY (id),
	CONSTRAINT ck_unclaimed_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_unclaimed_key UNIQUE ("key")
)
 STRICT
--;;
CREATE INDEX ix_unclaimed_site_key ON unclaimed (site_key)
--;;
CREATE TRIGGER IF NOT EXISTS unclaimed_no_update BEFORE UPDATE ON unclaimed BEGIN SELECT RAISE(ABORT, 'unclaimed is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS unclaimed_no_delete BEFORE DELETE ON unclaimed BEGIN SELECT RAISE(ABORT, 'unclaimed is append only'); END
--;;
CREATE TABLE unclaimed_end (
	id INTEGER NOT NULL,
	account TEXT NOT NULL,
	outcome TEXT NOT NULL,
	tenant_key TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	reason TEXT NOT NULL,
	evidence TEXT NOT NULL,
	ended_by TEXT NOT NULL,
	ended_by_name TEXT NOT NULL,
	ended_at TEXT NOT NULL,
	CONSTRAINT pk_unclaimed_end PRIMARY KEY (id),
	CONSTRAINT ck_unclaimed_end_outcome_known CHECK (outcome IN ('attributed', 'returned')),
	CONSTRAINT ck_unclaimed_end_amount CHECK (amount_minor > 0)
)
 STRICT
--;;
CREATE INDEX ix_unclaimed_end_account ON unclaimed_end (account)
--;;
CREATE TRIGGER IF NOT EXISTS unclaimed_end_no_update BEFORE UPDATE ON unclaimed_end BEGIN SELECT RAISE(ABORT, 'unclaimed_end is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS unclaimed_end_no_delete BEFORE DELETE ON unclaimed_end BEGIN SELECT RAISE(ABORT, 'unclaimed_end is append only'); END
--;;
CREATE TABLE refund (
	id INTEGER NOT NULL,
	request TEXT NOT NULL,
	number TEXT NOT NULL,
	site_key TEXT NOT NULL,
	till TEXT NOT NULL,
	shift TEXT NOT NULL,
	source TEXT NOT NULL,
	tenant_key TEXT NOT NULL,
	way TEXT NOT NULL,
	currency TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	reference TEXT NOT NULL,
	reason TEXT NOT NULL,
	evidence TEXT NOT NULL,
	approval TEXT NOT NULL,
	refunded_by TEXT NOT NULL,
	refunded_by_name TEXT NOT NULL,
	refunded_at TEXT NOT NULL,
	CONSTRAINT pk_refund PRIMARY KEY (id),
	CONSTRAINT ck_refund_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_refund_request UNIQUE (request),
	CONSTRAINT uq_refund_number UNIQUE (number)
)
 STRICT
--;;
CREATE INDEX ix_refund_shift ON refund (shift)
--;;
CREATE INDEX ix_refund_tenant_key ON refund (tenant_key)
--;;
CREATE TRIGGER IF NOT EXISTS refund_no_update BEFORE UPDATE ON refund BEGIN SELECT RAISE(ABORT, 'refund is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS refund_no_delete BEFORE DELETE ON refund BEGIN SELECT RAISE(ABORT, 'refund is append only'); END
--;;
CREATE TABLE tender_correction (
	approval TEXT NOT NULL,
	sale_key TEXT NOT NULL,
	position INTEGER NOT NULL,
	from_way TEXT NOT NULL,
	to_way TEXT NOT NULL,
	reference TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	shift TEXT NOT NULL,
	corrected_by TEXT NOT NULL,
	corrected_by_name TEXT NOT NULL,
	corrected_at TEXT NOT NULL,
	CONSTRAINT pk_tender_correction PRIMARY KEY (approval),
	CONSTRAINT uq_tender_correction_sale_key_position UNIQUE (sale_key, position)
)
 STRICT
--;;
CREATE INDEX ix_tender_correction_sale_key ON tender_correction (sale_key)
--;;
CREATE TRIGGER IF NOT EXISTS tender_correction_no_update BEFORE UPDATE ON tender_correction BEGIN SELECT RAISE(ABORT, 'tender_correction is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS tender_correction_no_delete BEFORE DELETE ON tender_correction BEGIN SELECT RAISE(ABORT, 'tender_correction is append only'); END
--;;
CREATE TABLE print_agent (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	till TEXT NOT NULL,
	roll TEXT NOT NULL,
	secret_hash TEXT NOT NULL,
	paired_by TEXT NOT NULL,
	paired_at TEXT NOT NULL,
	seen_at TEXT,
	trouble TEXT NOT NULL,
	ended_at TEXT,
	CONSTRAINT pk_print_agent PRIMARY KEY (id),
	CONSTRAINT uq_print_agent_key UNIQUE ("key"),
	CONSTRAINT uq_print_agent_secret_hash UNIQUE (secret_hash)
)
 STRICT
--;;
CREATE UNIQUE INDEX ix_print_agent_till ON print_agent (site_key, till) WHERE ended_at IS NULL
--;;
CREATE TABLE sandbox_order (
	id INTEGER NOT NULL,
	api_key TEXT NOT NULL,
	order_id TEXT NOT NULL,
	pan TEXT NOT NULL,
	asked TEXT NOT NULL,
	state TEXT NOT NULL,
	paid_minor INTEGER NOT NULL,
	told TEXT NOT NULL,
	looks INTEGER NOT NULL,
	copies INTEGER NOT NULL,
	handed_over_at TEXT,
	reversal_asked_at TEXT,
	made_at TEXT NOT NULL,
	CONSTRAINT pk_sandbox_order PRIMARY KEY (id),
	CONSTRAINT uq_sandbox_order_api_key_order_id UNIQUE (api_key, order_id)
)
 STRICT
--;;
CREATE INDEX ix_sandbox_order_made_at ON sandbox_order (made_at)
--;;
CREATE TABLE shift_series (
	series TEXT NOT NULL,
	last INTEGER NOT NULL,
	CONSTRAINT pk_shift_series PRIMARY KEY (series)
)
 STRICT
--;;
CREATE TABLE cash_limit (
	site_key TEXT NOT NULL,
	subject TEXT NOT NULL,
	takings_minor INTEGER,
	float_minor INTEGER,
	tolerance_minor INTEGER,
	special_minor INTEGER,
	one_person INTEGER,
	CONSTRAINT pk_cash_limit PRIMARY KEY (site_key, subject)
)
 STRICT
--;;
CREATE TABLE shift (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	number TEXT NOT NULL,
	site_key TEXT NOT NULL,
	till TEXT NOT NULL,
	drawer TEXT NOT NULL,
	cashier_key TEXT NOT NULL,
	cashier_name TEXT NOT NULL,
	currency TEXT NOT NULL,
	float_minor INTEGER NOT NULL,
	base TEXT NOT NULL,
	after_entry INTEGER NOT NULL,
	limits TEXT NOT NULL,
	witness_key TEXT NOT NULL,
	witness_name TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	CONSTRAINT pk_shift PRIMARY KEY (id),
	CONSTRAINT ck_shift_float CHECK (float_minor >= 0),
	CONSTRAINT uq_shift_key UNIQUE ("key"),
	CONSTRAINT uq_shift_number UNIQUE (number)
)
 STRICT
--;;
CREATE INDEX ix_shift_cashier ON shift (cashier_key, opened_at)
--;;
CREATE INDEX ix_shift_site_opened_at ON shift (site_key, opened_at)
--;;
CREATE TRIGGER IF NOT EXISTS shift_no_update BEFORE UPDATE ON shift BEGIN SELECT RAISE(ABORT, 'shift is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS shift_no_delete BEFORE DELETE ON shift BEGIN SELECT RAISE(ABORT, 'shift is append only'); END
--;;
CREATE TABLE bank_batch (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	number TEXT NOT NULL,
	site_key TEXT NOT NULL,
	currency TEXT NOT NULL,
	bag TEXT NOT NULL,
	amounts TEXT NOT NULL,
	pieces TEXT NOT NULL,
	total_minor INTEGER NOT NULL,
	packed_by TEXT NOT NULL,
	packed_by_name TEXT NOT NULL,
	packed_at TEXT NOT NULL,
	CONSTRAINT pk_bank_batch PRIMARY KEY (id),
	CONSTRAINT uq_bank_batch_site_key_bag UNIQUE (site_key, bag),
	CONSTRAINT ck_bank_batch_total CHECK (total_minor > 0),
	CONSTRAINT uq_bank_batch_key UNIQUE ("key"),
	CONSTRAINT uq_bank_batch_number UNIQUE (number)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS bank_batch_no_update BEFORE UPDATE ON bank_batch BEGIN SELECT RAISE(ABORT, 'bank_batch is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS bank_batch_no_delete BEFORE DELETE ON bank_batch BEGIN SELECT RAISE(ABORT, 'bank_batch is append only'); END
--;;
CREATE TABLE tariff_version (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	code TEXT NOT NULL,
	number INTEGER NOT NULL,
	name TEXT NOT NULL,
	service TEXT NOT NULL,
	currency TEXT NOT NULL,
	text TEXT NOT NULL,
	hash TEXT NOT NULL,
	valid_from TEXT NOT NULL,
	valid_until TEXT,
	drafted_at TEXT NOT NULL,
	drafted_by TEXT NOT NULL,
	CONSTRAINT pk_tariff_version PRIMARY KEY (id),
	CONSTRAINT uq_tariff_version_code_number UNIQUE (code, number),
	CONSTRAINT ck_tariff_version_validity CHECK (valid_until IS NULL OR valid_until > valid_from),
	CONSTRAINT ck_tariff_version_number CHECK (number >= 1),
	CONSTRAINT uq_tariff_version_key UNIQUE ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS tariff_version_no_update BEFORE UPDATE ON tariff_version BEGIN SELECT RAISE(ABORT, 'tariff_version is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS tariff_version_no_delete BEFORE DELETE ON tariff_version BEGIN SELECT RAISE(ABORT, 'tariff_version is append only'); END
--;;
CREATE TABLE receipt_series (
	series TEXT NOT NULL,
	last INTEGER NOT NULL,
	CONSTRAINT pk_receipt_series PRIMARY KEY (series)
)
 STRICT
--;;
CREATE TABLE sale (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	receipt TEXT NOT NULL,
	site_key TEXT NOT NULL,
	till TEXT NOT NULL,
	cashier_key TEXT NOT NULL,
	cashier_name TEXT NOT NULL,
	currency TEXT NOT NULL,
	total_minor INTEGER NOT NULL,
	fingerprint TEXT NOT NULL,
	content TEXT NOT NULL,
	content_hash TEXT NOT NULL,
	copies INTEGER NOT NULL,
	sold_at TEXT NOT NULL,
	CONSTRAINT pk_sale PRIMARY KEY (id),
	CONSTRAINT uq_sale_key UNIQUE ("key"),
	CONSTRAINT uq_sale_receipt UNIQUE (receipt)
)
 STRICT
--;;
CREATE INDEX ix_sale_site_sold_at ON sale (site_key, sold_at)
--;;
CREATE INDEX ix_sale_till_id ON sale (till, id)
--;;
CREATE TABLE basket_draft (
	sale_id TEXT NOT NULL,
	till TEXT NOT NULL,
	cashier_key TEXT NOT NULL,
	lines TEXT NOT NULL,
	changed_at TEXT NOT NULL,
	CONSTRAINT pk_basket_draft PRIMARY KEY (sale_id)
)
 STRICT
--;;
CREATE TABLE log_mark (
	id INTEGER NOT NULL,
	log TEXT NOT NULL,
	checked_to INTEGER NOT NULL,
	head_size INTEGER NOT NULL,
	head_note TEXT NOT NULL,
	restored_size INTEGER,
	forwarded INTEGER,
	changed_at TEXT NOT NULL,
	CONSTRAINT pk_log_mark PRIMARY KEY (id),
	CONSTRAINT ck_log_mark_one_row CHECK (id = 1)
)
 STRICT
--;;
CREATE TABLE work_order (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	number INTEGER NOT NULL,
	kind TEXT NOT NULL,
	title TEXT NOT NULL,
	note TEXT NOT NULL,
	meter_key TEXT,
	due_on TEXT,
	state TEXT NOT NULL,
	opened_by TEXT NOT NULL,
	opened_by_name TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	taken_by TEXT,
	taken_by_name TEXT,
	ended_by_name TEXT,
	ended_at TEXT,
	result TEXT,
	CONSTRAINT pk_work_order PRIMARY KEY (id),
	CONSTRAINT uq_work_order_site_key_number UNIQUE (site_key, number),
	CONSTRAINT ck_work_order_state_known CHECK (state IN ('open', 'started', 'done', 'failed', 'cancelled')),
	CONSTRAINT uq_work_order_key UNIQUE ("key")
)
 STRICT
--;;
CREATE INDEX ix_work_order_meter_key ON work_order (meter_key)
--;;
CREATE INDEX ix_work_order_site_state ON work_order (site_key, state, id)
--;;
CREATE TABLE work_visit (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	made_by TEXT NOT NULL,
	made_by_name TEXT NOT NULL,
	made_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	orders TEXT NOT NULL,
	seed_sealed TEXT NOT NULL,
	CONSTRAINT pk_work_visit PRIMARY KEY (id),
	CONSTRAINT uq_work_visit_key UNIQUE ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS work_visit_no_update BEFORE UPDATE ON work_visit BEGIN SELECT RAISE(ABORT, 'work_visit is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS work_visit_no_delete BEFORE DELETE ON work_visit BEGIN SELECT RAISE(ABORT, 'work_visit is append only'); END
--;;
CREATE TABLE role_grant (
	id INTEGER NOT NULL,
	person_key TEXT NOT NULL,
	role TEXT NOT NULL,
	site TEXT NOT NULL,
	granted_at TEXT NOT NULL,
	granted_by TEXT NOT NULL,
	approval_key TEXT,
	revoked_at TEXT,
	revoked_by TEXT,
	CONSTRAINT pk_role_grant PRIMARY KEY (id),
	CONSTRAINT fk_role_grant_person_key FOREIGN KEY(person_key) REFERENCES person ("key")
)
 STRICT
--;;
CREATE INDEX ix_role_grant_person_key ON role_grant (person_key)
--;;
CREATE UNIQUE INDEX uq_role_grant_live ON role_grant (person_key, role, site) WHERE revoked_at IS NULL
--;;
CREATE TABLE sign_in_session (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	secret_hash TEXT NOT NULL,
	person_key TEXT NOT NULL,
	began_at TEXT NOT NULL,
	seen_at TEXT NOT NULL,
	ends_at TEXT NOT NULL,
	rest_minutes INTEGER NOT NULL,
	second_factor TEXT,
	confirmed_at TEXT NOT NULL,
	wrong_pins INTEGER NOT NULL,
	address TEXT NOT NULL,
	ended_at TEXT,
	ended_why TEXT,
	CONSTRAINT pk_sign_in_session PRIMARY KEY (id),
	CONSTRAINT uq_sign_in_session_key UNIQUE ("key"),
	CONSTRAINT uq_sign_in_session_secret_hash UNIQUE (secret_hash),
	CONSTRAINT fk_sign_in_session_person_key FOREIGN KEY(person_key) REFERENCES person ("key")
)
 STRICT
--;;
CREATE INDEX ix_sign_in_session_person_key ON sign_in_session (person_key)
--;;
CREATE TABLE passkey (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	person_key TEXT NOT NULL,
	credential_id TEXT NOT NULL,
	public_key TEXT NOT NULL,
	sign_count INTEGER NOT NULL,
	label TEXT NOT NULL,
	created_at TEXT NOT NULL,
	used_at TEXT,
	removed_at TEXT,
	CONSTRAINT pk_passkey PRIMARY KEY (id),
	CONSTRAINT uq_passkey_key UNIQUE ("key"),
	CONSTRAINT fk_passkey_person_key FOREIGN KEY(person_key) REFERENCES person ("key"),
	CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id)
)
 STRICT
--;;
CREATE INDEX ix_passkey_person_key ON passkey (person_key)
--;;
CREATE TABLE approval_signature (
	id INTEGER NOT NULL,
	request_key TEXT NOT NULL,
	act_id TEXT NOT NULL,
	person_key TEXT NOT NULL,
	person_name TEXT NOT NULL,
	decision TEXT NOT NULL,
	remark TEXT,
	method TEXT NOT NULL,
	proof TEXT NOT NULL,
	at TEXT NOT NULL,
	seal TEXT NOT NULL,
	CONSTRAINT pk_approval_signature PRIMARY KEY (id),
	CONSTRAINT uq_approval_signature_request_key_person_key UNIQUE (request_key, person_key),
	CONSTRAINT ck_approval_signature_decision_known CHECK (decision IN ('yes', 'no')),
	CONSTRAINT fk_approval_signature_request_key FOREIGN KEY(request_key) REFERENCES approval_request ("key"),
	CONSTRAINT fk_approval_signature_person_key FOREIGN KEY(person_key) REFERENCES person ("key")
)
 STRICT
--;;
CREATE INDEX ix_approval_signature_request_key ON approval_signature (request_key)
--;;
CREATE TRIGGER IF NOT EXISTS approval_signature_no_update BEFORE UPDATE ON approval_signature BEGIN SELECT RAISE(ABORT, 'approval_signature is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS approval_signature_no_delete BEFORE DELETE ON approval_signature BEGIN SELECT RAISE(ABORT, 'approval_signature is append only'); END
--;;
CREATE TABLE site (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	operator_key TEXT NOT NULL,
	name TEXT NOT NULL,
	address TEXT NOT NULL,
	time_zone TEXT NOT NULL,
	currency TEXT NOT NULL,
	languages TEXT NOT NULL,
	taxes TEXT NOT NULL,
	created_at TEXT NOT NULL,
	CONSTRAINT pk_site PRIMARY KEY (id),
	CONSTRAINT uq_site_key UNIQUE ("key"),
	CONSTRAINT fk_site_operator_key FOREIGN KEY(operator_key) REFERENCES operator ("key"),
	CONSTRAINT uq_site_name UNIQUE (name)
)
 STRICT
--;;
CREATE TABLE search_word (
	word TEXT NOT NULL,
	entry_id INTEGER NOT NULL,
	CONSTRAINT pk_search_word PRIMARY KEY (word, entry_id),
	CONSTRAINT fk_search_word_entry_id FOREIGN KEY(entry_id) REFERENCES search_entry (id)
)
 WITHOUT ROWID,
 STRICT
--;;
CREATE TABLE ledger_bound (
	account_id INTEGER NOT NULL,
	unit TEXT NOT NULL,
	floor INTEGER,
	ceiling INTEGER,
	CONSTRAINT pk_ledger_bound PRIMARY KEY (account_id, unit),
	CONSTRAINT fk_ledger_bound_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id)
)
 STRICT
--;;
CREATE TABLE ledger_leg (
	entry_id INTEGER NOT NULL,
	place INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	unit TEXT NOT NULL,
	amount INTEGER NOT NULL,
	CONSTRAINT pk_ledger_leg PRIMARY KEY (entry_id, place),
	CONSTRAINT fk_ledger_leg_entry_id FOREIGN KEY(entry_id) REFERENCES ledger_entry (id) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT fk_ledger_leg_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id),
	CONSTRAINT ck_ledger_leg_amount CHECK (amount <> 0)
)
 WITHOUT ROWID,
 STRICT
--;;
CREATE INDEX ix_ledger_leg_account ON ledger_leg (account_id, unit, entry_id, amount)
--;;
CREATE TRIGGER IF NOT EXISTS ledger_leg_no_update BEFORE UPDATE ON ledger_leg BEGIN SELECT RAISE(ABORT, 'ledger_leg is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_leg_no_delete BEFORE DELETE ON ledger_leg BEGIN SELECT RAISE(ABORT, 'ledger_leg is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_entry_balances BEFORE INSERT ON ledger_entry
WHEN (SELECT count(*) FROM ledger_leg WHERE entry_id = NEW.id) <> NEW.legs
  OR EXISTS (SELECT 1 FROM ledger_leg WHERE entry_id = NEW.id GROUP BY unit HAVING sum(amount) <> 0)
BEGIN SELECT RAISE(ABORT, 'ledger_entry does not balance'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_leg_before_entry BEFORE INSERT ON ledger_leg
WHEN EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id)
BEGIN SELECT RAISE(ABORT, 'ledger_entry is complete'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_entry_period BEFORE INSERT ON ledger_entry
WHEN NEW.posted_at < (SELECT max(closes_at) FROM ledger_period)
BEGIN SELECT RAISE(ABORT, 'ledger_period is closed'); END
--;;
CREATE TABLE ledger_snapshot (
	account_id INTEGER NOT NULL,
	unit TEXT NOT NULL,
	through_entry INTEGER NOT NULL,
	amount INTEGER NOT NULL,
	CONSTRAINT pk_ledger_snapshot PRIMARY KEY (account_id, unit, through_entry),
	CONSTRAINT fk_ledger_snapshot_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id)
)
 WITHOUT ROWID,
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS ledger_snapshot_no_update BEFORE UPDATE ON ledger_snapshot BEGIN SELECT RAISE(ABORT, 'ledger_snapshot is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_snapshot_no_delete BEFORE DELETE ON ledger_snapshot BEGIN SELECT RAISE(ABORT, 'ledger_snapshot is append only'); END
--;;
CREATE TABLE ledger_hold (
	id INTEGER NOT NULL,
	source TEXT NOT NULL,
	account_id INTEGER NOT NULL,
	unit TEXT NOT NULL,
	amount INTEGER NOT NULL,
	placed_at TEXT NOT NULL,
	CONSTRAINT pk_ledger_hold PRIMARY KEY (id),
	CONSTRAINT ck_ledger_hold_amount CHECK (amount > 0),
	CONSTRAINT uq_ledger_hold_source UNIQUE (source),
	CONSTRAINT fk_ledger_hold_account_id FOREIGN KEY(account_id) REFERENCES ledger_account (id)
)
 STRICT
--;;
CREATE INDEX ix_ledger_hold_account ON ledger_hold (account_id, unit)
--;;
CREATE TRIGGER IF NOT EXISTS ledger_hold_no_update BEFORE UPDATE ON ledger_hold BEGIN SELECT RAISE(ABORT, 'ledger_hold is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_hold_no_delete BEFORE DELETE ON ledger_hold BEGIN SELECT RAISE(ABORT, 'ledger_hold is append only'); END
--;;
CREATE TABLE notice (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	sale_key TEXT NOT NULL,
	channel TEXT NOT NULL,
	recipient TEXT NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	reference TEXT NOT NULL,
	error TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	changed_at TEXT NOT NULL,
	CONSTRAINT pk_notice PRIMARY KEY (id),
	CONSTRAINT ck_notice_state_known CHECK (state IN ('waiting', 'accepted', 'refused')),
	CONSTRAINT uq_notice_key UNIQUE ("key"),
	CONSTRAINT fk_notice_sale_key FOREIGN KEY(sale_key) REFERENCES sale ("key")
)
 STRICT
--;;
CREATE INDEX ix_notice_sale_key ON notice (sale_key)
--;;
CREATE TABLE voucher_use (
	number TEXT NOT NULL,
	sale_key TEXT NOT NULL,
	used_at TEXT NOT NULL,
	CONSTRAINT pk_voucher_use PRIMARY KEY (number),
	CONSTRAINT fk_voucher_use_number FOREIGN KEY(number) REFERENCES voucher (number)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS voucher_use_no_update BEFORE UPDATE ON voucher_use BEGIN SELECT RAISE(ABORT, 'voucher_use is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS voucher_use_no_delete BEFORE DELETE ON voucher_use BEGIN SELECT RAISE(ABORT, 'voucher_use is append only'); END
--;;
CREATE TABLE receipt_around (
	sale_key TEXT NOT NULL,
	around TEXT NOT NULL,
	kept_at TEXT NOT NULL,
	CONSTRAINT pk_receipt_around PRIMARY KEY (sale_key),
	CONSTRAINT fk_receipt_around_sale_key FOREIGN KEY(sale_key) REFERENCES sale ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS receipt_around_no_update BEFORE UPDATE ON receipt_around BEGIN SELECT RAISE(ABORT, 'receipt_around is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS receipt_around_no_delete BEFORE DELETE ON receipt_around BEGIN SELECT RAISE(ABORT, 'receipt_around is append only'); END
--;;
CREATE TABLE receipt_paper (
	id INTEGER NOT NULL,
	sale_key TEXT NOT NULL,
	number TEXT NOT NULL,
	size TEXT NOT NULL,
	copy_number INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	made_with TEXT NOT NULL,
	made_at TEXT NOT NULL,
	CONSTRAINT pk_receipt_paper PRIMARY KEY (id),
	CONSTRAINT uq_receipt_paper_sale_key_number_size_copy_number UNIQUE (sale_key, number, size, copy_number),
	CONSTRAINT fk_receipt_paper_sale_key FOREIGN KEY(sale_key) REFERENCES sale ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS receipt_paper_no_update BEFORE UPDATE ON receipt_paper BEGIN SELECT RAISE(ABORT, 'receipt_paper is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS receipt_paper_no_delete BEFORE DELETE ON receipt_paper BEGIN SELECT RAISE(ABORT, 'receipt_paper is append only'); END
--;;
CREATE TABLE print_job (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	till TEXT NOT NULL,
	sale_key TEXT,
	name TEXT NOT NULL,
	writing TEXT NOT NULL,
	copy_number INTEGER NOT NULL,
	kick INTEGER NOT NULL,
	round INTEGER NOT NULL,
	state TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	changed_at TEXT NOT NULL,
	CONSTRAINT pk_print_job PRIMARY KEY (id),
	CONSTRAINT ck_print_job_state_known CHECK (state IN ('waiting', 'fetched', 'printed', 'unsure', 'dropped')),
	CONSTRAINT uq_print_job_key UNIQUE ("key"),
	CONSTRAINT fk_print_job_sale_key FOREIGN KEY(sale_key) REFERENCES sale ("key")
)
 STRICT
--;;
CREATE INDEX ix_print_job_till ON print_job (site_key, till, state, id)
--;;
CREATE TABLE shift_standing (
	shift_key TEXT NOT NULL,
	cashier_key TEXT NOT NULL,
	drawer TEXT NOT NULL,
	state TEXT NOT NULL,
	CONSTRAINT pk_shift_standing PRIMARY KEY (shift_key),
	CONSTRAINT ck_shift_standing_state_known CHECK (state IN ('open', 'counted', 'closed')),
	CONSTRAINT fk_shift_standing_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key")
)
 STRICT
--;;
CREATE UNIQUE INDEX ix_shift_standing_cashier ON shift_standing (cashier_key) WHERE state <> 'closed'
--;;
CREATE UNIQUE INDEX ix_shift_standing_drawer ON shift_standing (drawer) WHERE state <> 'closed'
--;;
CREATE TABLE shift_draft (
	shift_key TEXT NOT NULL,
	count TEXT NOT NULL,
	changed_at TEXT NOT NULL,
	CONSTRAINT pk_shift_draft PRIMARY KEY (shift_key),
	CONSTRAINT fk_shift_draft_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key")
)
 STRICT
--;;
CREATE TABLE shift_drop (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	shift_key TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	count TEXT NOT NULL,
	bag TEXT NOT NULL,
	witness_key TEXT NOT NULL,
	witness_name TEXT NOT NULL,
	dropped_at TEXT NOT NULL,
	CONSTRAINT pk_shift_drop PRIMARY KEY (id),
	CONSTRAINT ck_shift_drop_amount CHECK (amount_minor > 0),
	CONSTRAINT uq_shift_drop_key UNIQUE ("key"),
	CONSTRAINT fk_shift_drop_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key")
)
 STRICT
--;;
CREATE INDEX ix_shift_drop_shift_key ON shift_drop (shift_key)
--;;
CREATE TRIGGER IF NOT EXISTS shift_drop_no_update BEFORE UPDATE ON shift_drop BEGIN SELECT RAISE(ABORT, 'shift_drop is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS shift_drop_no_delete BEFORE DELETE ON shift_drop BEGIN SELECT RAISE(ABORT, 'shift_drop is append only'); END
--;;
CREATE TABLE shift_count (
	shift_key TEXT NOT NULL,
	round INTEGER NOT NULL,
	count TEXT NOT NULL,
	expected TEXT NOT NULL,
	counted_by TEXT NOT NULL,
	counted_by_name TEXT NOT NULL,
	counted_at TEXT NOT NULL,
	CONSTRAINT pk_shift_count PRIMARY KEY (shift_key, round),
	CONSTRAINT ck_shift_count_one_recount CHECK (round IN (1, 2)),
	CONSTRAINT fk_shift_count_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS shift_count_no_update BEFORE UPDATE ON shift_count BEGIN SELECT RAISE(ABORT, 'shift_count is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS shift_count_no_delete BEFORE DELETE ON shift_count BEGIN SELECT RAISE(ABORT, 'shift_count is append only'); END
--;;
CREATE TABLE shift_closing (
	shift_key TEXT NOT NULL,
	differences TEXT NOT NULL,
	reason TEXT NOT NULL,
	forgotten INTEGER NOT NULL,
	needs_decision INTEGER NOT NULL,
	through_entry INTEGER NOT NULL,
	takings_minor INTEGER NOT NULL,
	closed_by TEXT NOT NULL,
	closed_by_name TEXT NOT NULL,
	closed_at TEXT NOT NULL,
	CONSTRAINT pk_shift_closing PRIMARY KEY (shift_key),
	CONSTRAINT fk_shift_closing_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS shift_closing_no_update BEFORE UPDATE ON shift_closing BEGIN SELECT RAISE(ABORT, 'shift_closing is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS shift_closing_no_delete BEFORE DELETE ON shift_closing BEGIN SELECT RAISE(ABORT, 'shift_closing is append only'); END
--;;
CREATE TABLE shift_decision (
	shift_key TEXT NOT NULL,
	outcome TEXT NOT NULL,
	reason TEXT NOT NULL,
	decided_by TEXT NOT NULL,
	decided_by_name TEXT NOT NULL,
	decided_at TEXT NOT NULL,
	CONSTRAINT pk_shift_decision PRIMARY KEY (shift_key),
	CONSTRAINT ck_shift_decision_outcome_known CHECK (outcome IN ('accept', 'claim', 'charge')),
	CONSTRAINT fk_shift_decision_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key")
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS shift_decision_no_update BEFORE UPDATE ON shift_decision BEGIN SELECT RAISE(ABORT, 'shift_decision is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS shift_decision_no_delete BEFORE DELETE ON shift_decision BEGIN SELECT RAISE(ABORT, 'shift_decision is append only'); END
--;;
CREATE TABLE bank_batch_shift (
	shift_key TEXT NOT NULL,
	batch_key TEXT NOT NULL,
	CONSTRAINT pk_bank_batch_shift PRIMARY KEY (shift_key),
	CONSTRAINT fk_bank_batch_shift_shift_key FOREIGN KEY(shift_key) REFERENCES shift ("key"),
	CONSTRAINT fk_bank_batch_shift_batch_key FOREIGN KEY(batch_key) REFERENCES bank_batch ("key")
)
 STRICT
--;;
CREATE INDEX ix_bank_batch_shift_batch_key ON bank_batch_shift (batch_key)
--;;
CREATE TRIGGER IF NOT EXISTS bank_batch_shift_no_update BEFORE UPDATE ON bank_batch_shift BEGIN SELECT RAISE(ABORT, 'bank_batch_shift is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS bank_batch_shift_no_delete BEFORE DELETE ON bank_batch_shift BEGIN SELECT RAISE(ABORT, 'bank_batch_shift is append only'); END
--;;
CREATE TABLE bank_line (
	reference TEXT NOT NULL,
	batch_key TEXT NOT NULL,
	way TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	value_date TEXT NOT NULL,
	entered_by TEXT NOT NULL,
	entered_by_name TEXT NOT NULL,
	entered_at TEXT NOT NULL,
	CONSTRAINT pk_bank_line PRIMARY KEY (reference),
	CONSTRAINT ck_bank_line_amount CHECK (amount_minor > 0),
	CONSTRAINT fk_bank_line_batch_key FOREIGN KEY(batch_key) REFERENCES bank_batch ("key")
)
 STRICT
--;;
CREATE INDEX ix_bank_line_batch_key ON bank_line (batch_key)
--;;
CREATE TRIGGER IF NOT EXISTS bank_line_no_update BEFORE UPDATE ON bank_line BEGIN SELECT RAISE(ABORT, 'bank_line is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS bank_line_no_delete BEFORE DELETE ON bank_line BEGIN SELECT RAISE(ABORT, 'bank_line is append only'); END
--;;
CREATE TABLE bank_explanation (
	"key" TEXT NOT NULL,
	batch_key TEXT NOT NULL,
	way TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	reason TEXT NOT NULL,
	explained_by TEXT NOT NULL,
	explained_by_name TEXT NOT NULL,
	explained_at TEXT NOT NULL,
	CONSTRAINT pk_bank_explanation PRIMARY KEY ("key"),
	CONSTRAINT fk_bank_explanation_batch_key FOREIGN KEY(batch_key) REFERENCES bank_batch ("key")
)
 STRICT
--;;
CREATE INDEX ix_bank_explanation_batch_key ON bank_explanation (batch_key)
--;;
CREATE TRIGGER IF NOT EXISTS bank_explanation_no_update BEFORE UPDATE ON bank_explanation BEGIN SELECT RAISE(ABORT, 'bank_explanation is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS bank_explanation_no_delete BEFORE DELETE ON bank_explanation BEGIN SELECT RAISE(ABORT, 'bank_explanation is append only'); END
--;;
CREATE TABLE tariff_publication (
	version_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	valid_from TEXT NOT NULL,
	published_at TEXT NOT NULL,
	requested_by TEXT NOT NULL,
	approved_by TEXT NOT NULL,
	approval TEXT NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT pk_tariff_publication PRIMARY KEY (version_id),
	CONSTRAINT ck_tariff_publication_two_people CHECK (requested_by <> approved_by),
	CONSTRAINT fk_tariff_publication_version_id FOREIGN KEY(version_id) REFERENCES tariff_version (id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS tariff_publication_no_update BEFORE UPDATE ON tariff_publication BEGIN SELECT RAISE(ABORT, 'tariff_publication is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS tariff_publication_no_delete BEFORE DELETE ON tariff_publication BEGIN SELECT RAISE(ABORT, 'tariff_publication is append only'); END
--;;
CREATE TABLE tariff_withdrawal (
	version_id INTEGER NOT NULL,
	withdrawn_at TEXT NOT NULL,
	withdrawn_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_tariff_withdrawal PRIMARY KEY (version_id),
	CONSTRAINT fk_tariff_withdrawal_version_id FOREIGN KEY(version_id) REFERENCES tariff_version (id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS tariff_withdrawal_no_update BEFORE UPDATE ON tariff_withdrawal BEGIN SELECT RAISE(ABORT, 'tariff_withdrawal is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS tariff_withdrawal_no_delete BEFORE DELETE ON tariff_withdrawal BEGIN SELECT RAISE(ABORT, 'tariff_withdrawal is append only'); END
--;;
CREATE TABLE vend (
	id INTEGER NOT NULL,
	order_id TEXT NOT NULL,
	sale_key TEXT NOT NULL,
	position INTEGER NOT NULL,
	kind TEXT NOT NULL,
	meter_key TEXT,
	pan TEXT,
	tenant_key TEXT,
	service TEXT NOT NULL,
	units INTEGER NOT NULL,
	free_units INTEGER NOT NULL,
	paid_minor INTEGER NOT NULL,
	returned_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	carried_minor INTEGER NOT NULL,
	tariff_version TEXT NOT NULL,
	priced TEXT NOT NULL,
	keying TEXT NOT NULL,
	carries TEXT NOT NULL,
	approval TEXT,
	settlement TEXT NOT NULL,
	state TEXT NOT NULL,
	refusal_code TEXT,
	refusal_sentence TEXT,
	paid_at TEXT NOT NULL,
	decided_at TEXT,
	CONSTRAINT pk_vend PRIMARY KEY (id),
	CONSTRAINT ck_vend_state_known CHECK (state IN ('asked', 'withdrawn', 'paid', 'issued', 'partly', 'refused', 'cancelled', 'reversed')),
	CONSTRAINT ck_vend_sells_something CHECK (units >= 0 AND free_units >= 0 AND paid_minor >= 0 AND returned_minor >= 0),
	CONSTRAINT uq_vend_order_id UNIQUE (order_id),
	CONSTRAINT fk_vend_sale_key FOREIGN KEY(sale_key) REFERENCES sale ("key")
)
 STRICT
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
	order_key TEXT NOT NULL,
	visit_key TEXT NOT NULL,
	meter_key TEXT NOT NULL,
	status TEXT NOT NULL,
	at TEXT NOT NULL,
	sentence TEXT NOT NULL,
	readings TEXT NOT NULL,
	brought_by TEXT NOT NULL,
	brought_at TEXT NOT NULL,
	CONSTRAINT pk_work_result PRIMARY KEY (order_key),
	CONSTRAINT fk_work_result_order_key FOREIGN KEY(order_key) REFERENCES work_order ("key"),
	CONSTRAINT fk_work_result_visit_key FOREIGN KEY(visit_key) REFERENCES work_visit ("key")
)
 STRICT
--;;
CREATE INDEX ix_work_result_meter_key ON work_result (meter_key)
--;;
CREATE TRIGGER IF NOT EXISTS work_result_no_update BEFORE UPDATE ON work_result BEGIN SELECT RAISE(ABORT, 'work_result is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS work_result_no_delete BEFORE DELETE ON work_result BEGIN SELECT RAISE(ABORT, 'work_result is append only'); END
--;;
CREATE TABLE site_holiday (
	site_key TEXT NOT NULL,
	day TEXT NOT NULL,
	name TEXT NOT NULL,
	CONSTRAINT pk_site_holiday PRIMARY KEY (site_key, day),
	CONSTRAINT fk_site_holiday_site_key FOREIGN KEY(site_key) REFERENCES site ("key")
)
 STRICT
--;;
CREATE TABLE building (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	name TEXT NOT NULL,
	CONSTRAINT pk_building PRIMARY KEY (id),
	CONSTRAINT uq_building_site_key_name UNIQUE (site_key, name),
	CONSTRAINT uq_building_key UNIQUE ("key"),
	CONSTRAINT fk_building_site_key FOREIGN KEY(site_key) REFERENCES site ("key")
)
 STRICT
--;;
CREATE TABLE tenant (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	kind TEXT NOT NULL,
	parent_key TEXT,
	number TEXT NOT NULL,
	name TEXT NOT NULL,
	phone TEXT NOT NULL,
	email TEXT NOT NULL,
	tax_number TEXT NOT NULL,
	language TEXT NOT NULL,
	created_at TEXT NOT NULL,
	ended_at TEXT,
	CONSTRAINT pk_tenant PRIMARY KEY (id),
	CONSTRAINT uq_tenant_site_key_number UNIQUE (site_key, number),
	CONSTRAINT ck_tenant_kind_known CHECK (kind IN ('company', 'department', 'person')),
	CONSTRAINT uq_tenant_key UNIQUE ("key"),
	CONSTRAINT fk_tenant_site_key FOREIGN KEY(site_key) REFERENCES site ("key"),
	CONSTRAINT fk_tenant_parent_key FOREIGN KEY(parent_key) REFERENCES tenant ("key")
)
 STRICT
--;;
CREATE INDEX ix_tenant_parent_key ON tenant (parent_key)
--;;
CREATE INDEX ix_tenant_site_key ON tenant (site_key)
--;;
CREATE TABLE circuit (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	parent_key TEXT,
	name TEXT NOT NULL,
	service TEXT NOT NULL,
	rating_amperes INTEGER,
	measured_by TEXT,
	CONSTRAINT pk_circuit PRIMARY KEY (id),
	CONSTRAINT uq_circuit_site_key_name UNIQUE (site_key, name),
	CONSTRAINT uq_circuit_key UNIQUE ("key"),
	CONSTRAINT fk_circuit_site_key FOREIGN KEY(site_key) REFERENCES site ("key"),
	CONSTRAINT fk_circuit_parent_key FOREIGN KEY(parent_key) REFERENCES circuit ("key"),
	CONSTRAINT uq_circuit_measured_by UNIQUE (measured_by)
)
 STRICT
--;;
CREATE INDEX ix_circuit_parent_key ON circuit (parent_key)
--;;
CREATE TABLE ledger_hold_end (
	hold_id INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	ended_at TEXT NOT NULL,
	CONSTRAINT pk_ledger_hold_end PRIMARY KEY (hold_id),
	CONSTRAINT ck_ledger_hold_end_outcome CHECK (outcome IN ('settled', 'voided')),
	CONSTRAINT fk_ledger_hold_end_hold_id FOREIGN KEY(hold_id) REFERENCES ledger_hold (id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS ledger_hold_end_no_update BEFORE UPDATE ON ledger_hold_end BEGIN SELECT RAISE(ABORT, 'ledger_hold_end is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS ledger_hold_end_no_delete BEFORE DELETE ON ledger_hold_end BEGIN SELECT RAISE(ABORT, 'ledger_hold_end is append only'); END
--;;
CREATE TABLE fee (
	id INTEGER NOT NULL,
	site_key TEXT NOT NULL,
	code TEXT NOT NULL,
	label TEXT NOT NULL,
	currency TEXT NOT NULL,
	amount_minor INTEGER,
	tax_code TEXT NOT NULL,
	tax_label TEXT NOT NULL,
	tax_percent TEXT NOT NULL,
	tax_included INTEGER NOT NULL,
	retired INTEGER NOT NULL,
	published_at TEXT NOT NULL,
	published_by TEXT NOT NULL,
	approval_key TEXT,
	reason TEXT NOT NULL,
	CONSTRAINT pk_fee PRIMARY KEY (id),
	CONSTRAINT ck_fee_amount_positive CHECK (amount_minor IS NULL OR amount_minor > 0),
	CONSTRAINT fk_fee_site_key FOREIGN KEY(site_key) REFERENCES site ("key")
)
 STRICT
--;;
CREATE INDEX ix_fee_site_code ON fee (site_key, code, id)
--;;
CREATE TRIGGER IF NOT EXISTS fee_no_update BEFORE UPDATE ON fee BEGIN SELECT RAISE(ABORT, 'fee is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS fee_no_delete BEFORE DELETE ON fee BEGIN SELECT RAISE(ABORT, 'fee is append only'); END
--;;
CREATE TABLE token_request (
	part_id TEXT NOT NULL,
	order_id TEXT NOT NULL,
	position INTEGER NOT NULL,
	kind TEXT NOT NULL,
	units INTEGER,
	asked TEXT NOT NULL,
	CONSTRAINT pk_token_request PRIMARY KEY (part_id),
	CONSTRAINT uq_token_request_order_id_position UNIQUE (order_id, position),
	CONSTRAINT fk_token_request_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS token_request_no_update BEFORE UPDATE ON token_request BEGIN SELECT RAISE(ABORT, 'token_request is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS token_request_no_delete BEFORE DELETE ON token_request BEGIN SELECT RAISE(ABORT, 'token_request is append only'); END
--;;
CREATE TABLE allowance_claim (
	id INTEGER NOT NULL,
	order_id TEXT NOT NULL,
	entitlement TEXT NOT NULL,
	month TEXT NOT NULL,
	given_back_at TEXT,
	CONSTRAINT pk_allowance_claim PRIMARY KEY (id),
	CONSTRAINT uq_allowance_claim_order_id UNIQUE (order_id),
	CONSTRAINT fk_allowance_claim_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id)
)
 STRICT
--;;
CREATE UNIQUE INDEX uq_allowance_claim_once_a_month ON allowance_claim (entitlement, month) WHERE given_back_at IS NULL
--;;
CREATE TABLE key_change (
	order_id TEXT NOT NULL,
	meter_key TEXT NOT NULL,
	"before" TEXT NOT NULL,
	"after" TEXT NOT NULL,
	rollover INTEGER NOT NULL,
	state TEXT NOT NULL,
	released_at TEXT NOT NULL,
	handed_out_at TEXT,
	ended_at TEXT,
	ended_by TEXT,
	evidence TEXT NOT NULL,
	CONSTRAINT pk_key_change PRIMARY KEY (order_id),
	CONSTRAINT ck_key_change_state_known CHECK (state IN ('released', 'confirmed', 'returned')),
	CONSTRAINT fk_key_change_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id)
)
 STRICT
--;;
CREATE INDEX ix_key_change_meter ON key_change (meter_key, state)
--;;
CREATE TABLE token_act (
	order_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	meter_key TEXT NOT NULL,
	approval_key TEXT,
	reason TEXT NOT NULL,
	work_order TEXT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	CONSTRAINT pk_token_act PRIMARY KEY (order_id),
	CONSTRAINT fk_token_act_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id),
	CONSTRAINT uq_token_act_approval_key UNIQUE (approval_key)
)
 STRICT
--;;
CREATE INDEX ix_token_act_meter_key ON token_act (meter_key)
--;;
CREATE TRIGGER IF NOT EXISTS token_act_no_update BEFORE UPDATE ON token_act BEGIN SELECT RAISE(ABORT, 'token_act is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS token_act_no_delete BEFORE DELETE ON token_act BEGIN SELECT RAISE(ABORT, 'token_act is append only'); END
--;;
CREATE TABLE reversal (
	order_id TEXT NOT NULL,
	of_order TEXT NOT NULL,
	site_key TEXT NOT NULL,
	way TEXT NOT NULL,
	book_as TEXT NOT NULL,
	state TEXT NOT NULL,
	why TEXT NOT NULL,
	reason TEXT NOT NULL,
	evidence TEXT NOT NULL,
	pays_tenant TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	approval_key TEXT,
	credit_note TEXT,
	content TEXT NOT NULL,
	content_hash TEXT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_by_name TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	decided_at TEXT,
	CONSTRAINT pk_reversal PRIMARY KEY (order_id),
	CONSTRAINT ck_reversal_state_known CHECK (state IN ('asked', 'done', 'withdrawn')),
	CONSTRAINT ck_reversal_way_known CHECK (way IN ('cancelled', 'proved', 'agreed')),
	CONSTRAINT ck_reversal_two_people CHECK (way = 'cancelled' OR state <> 'done' OR approval_key IS NOT NULL),
	CONSTRAINT fk_reversal_of_order FOREIGN KEY(of_order) REFERENCES vend (order_id),
	CONSTRAINT uq_reversal_credit_note UNIQUE (credit_note)
)
 STRICT
--;;
CREATE UNIQUE INDEX uq_reversal_one_of_an_order ON reversal (of_order) WHERE state <> 'withdrawn'
--;;
CREATE TABLE floor (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	building_key TEXT NOT NULL,
	name TEXT NOT NULL,
	level INTEGER NOT NULL,
	CONSTRAINT pk_floor PRIMARY KEY (id),
	CONSTRAINT uq_floor_building_key_name UNIQUE (building_key, name),
	CONSTRAINT uq_floor_key UNIQUE ("key"),
	CONSTRAINT fk_floor_building_key FOREIGN KEY(building_key) REFERENCES building ("key")
)
 STRICT
--;;
CREATE TABLE tenant_contact (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	tenant_key TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	phone TEXT NOT NULL,
	email TEXT NOT NULL,
	CONSTRAINT pk_tenant_contact PRIMARY KEY (id),
	CONSTRAINT uq_tenant_contact_key UNIQUE ("key"),
	CONSTRAINT fk_tenant_contact_tenant_key FOREIGN KEY(tenant_key) REFERENCES tenant ("key")
)
 STRICT
--;;
CREATE INDEX ix_tenant_contact_tenant_key ON tenant_contact (tenant_key)
--;;
CREATE TABLE token_refusal (
	part_id TEXT NOT NULL,
	code TEXT NOT NULL,
	sentence TEXT NOT NULL,
	refused_at TEXT NOT NULL,
	CONSTRAINT pk_token_refusal PRIMARY KEY (part_id),
	CONSTRAINT fk_token_refusal_part_id FOREIGN KEY(part_id) REFERENCES token_request (part_id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS token_refusal_no_update BEFORE UPDATE ON token_refusal BEGIN SELECT RAISE(ABORT, 'token_refusal is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS token_refusal_no_delete BEFORE DELETE ON token_refusal BEGIN SELECT RAISE(ABORT, 'token_refusal is append only'); END
--;;
CREATE TABLE token (
	id INTEGER NOT NULL,
	order_id TEXT NOT NULL,
	part_id TEXT NOT NULL,
	position INTEGER NOT NULL,
	kind TEXT NOT NULL,
	pan TEXT NOT NULL,
	absolute_minute INTEGER,
	tid INTEGER,
	base_date INTEGER NOT NULL,
	units INTEGER,
	digits TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	logged_at TEXT NOT NULL,
	log TEXT NOT NULL,
	salt TEXT NOT NULL,
	leaf TEXT NOT NULL,
	signature TEXT NOT NULL,
	CONSTRAINT pk_token PRIMARY KEY (id),
	CONSTRAINT uq_token_pan_absolute_minute UNIQUE (pan, absolute_minute),
	CONSTRAINT uq_token_order_id_position UNIQUE (order_id, position),
	CONSTRAINT ck_token_twenty_digits CHECK (length(digits) = 20),
	CONSTRAINT fk_token_order_id FOREIGN KEY(order_id) REFERENCES vend (order_id),
	CONSTRAINT fk_token_part_id FOREIGN KEY(part_id) REFERENCES token_request (part_id)
)
 STRICT
--;;
CREATE TRIGGER IF NOT EXISTS token_no_update BEFORE UPDATE ON token BEGIN SELECT RAISE(ABORT, 'token is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS token_no_delete BEFORE DELETE ON token BEGIN SELECT RAISE(ABORT, 'token is append only'); END
--;;
CREATE TABLE space (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	floor_key TEXT,
	code TEXT NOT NULL,
	format TEXT NOT NULL,
	area_cm2 INTEGER NOT NULL,
	CONSTRAINT pk_space PRIMARY KEY (id),
	CONSTRAINT uq_space_site_key_code UNIQUE (site_key, code),
	CONSTRAINT ck_space_area_positive CHECK (area_cm2 > 0),
	CONSTRAINT uq_space_key UNIQUE ("key"),
	CONSTRAINT fk_space_site_key FOREIGN KEY(site_key) REFERENCES site ("key"),
	CONSTRAINT fk_space_floor_key FOREIGN KEY(floor_key) REFERENCES floor ("key")
)
 STRICT
--;;
CREATE INDEX ix_space_floor_key ON space (floor_key)
--;;
CREATE TABLE lease (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	space_key TEXT NOT NULL,
	tenant_key TEXT NOT NULL,
	starts_on TEXT NOT NULL,
	ends_on TEXT,
	deposit_minor INTEGER NOT NULL,
	tariffs TEXT NOT NULL,
	shares TEXT NOT NULL,
	created_at TEXT NOT NULL,
	ended_at TEXT,
	CONSTRAINT pk_lease PRIMARY KEY (id),
	CONSTRAINT ck_lease_term_runs_forward CHECK (ends_on IS NULL OR ends_on > starts_on),
	CONSTRAINT ck_lease_deposit_not_negative CHECK (deposit_minor >= 0),
	CONSTRAINT uq_lease_key UNIQUE ("key"),
	CONSTRAINT fk_lease_site_key FOREIGN KEY(site_key) REFERENCES site ("key"),
	CONSTRAINT fk_lease_space_key FOREIGN KEY(space_key) REFERENCES space ("key"),
	CONSTRAINT fk_lease_tenant_key FOREIGN KEY(tenant_key) REFERENCES tenant ("key")
)
 STRICT
--;;
CREATE INDEX ix_lease_space_key ON lease (space_key)
--;;
CREATE INDEX ix_lease_tenant_key ON lease (tenant_key)
--;;
CREATE TABLE meter (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	space_key TEXT,
	circuit_key TEXT,
	pan TEXT NOT NULL,
	drn TEXT NOT NULL,
	label TEXT NOT NULL,
	service TEXT NOT NULL,
	credit_in TEXT NOT NULL,
	profile TEXT NOT NULL,
	meter_class TEXT NOT NULL,
	tariff TEXT,
	driver TEXT NOT NULL,
	state TEXT NOT NULL,
	blocked_why TEXT,
	power_limit_w INTEGER,
	token_limit_units INTEGER,
	ct_primary INTEGER NOT NULL,
	ct_secondary INTEGER NOT NULL,
	vt_primary INTEGER NOT NULL,
	vt_secondary INTEGER NOT NULL,
	ratio_applied_by TEXT NOT NULL,
	tid_floor INTEGER,
	factory_credit_units INTEGER,
	ea TEXT NOT NULL,
	tct TEXT NOT NULL,
	dkga TEXT NOT NULL,
	sgc TEXT NOT NULL,
	krn INTEGER NOT NULL,
	ti TEXT NOT NULL,
	key_type INTEGER NOT NULL,
	ken INTEGER NOT NULL,
	base_date INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	commissioned_at TEXT,
	CONSTRAINT pk_meter PRIMARY KEY (id),
	CONSTRAINT ck_meter_credit_place_known CHECK (credit_in IN ('meter', 'account')),
	CONSTRAINT ck_meter_state_known CHECK (state IN ('registered', 'in service', 'blocked', 'removed')),
	CONSTRAINT ck_meter_ratio_place_known CHECK (ratio_applied_by IN ('meter', 'vendor')),
	CONSTRAINT ck_meter_ratio_positive CHECK (ct_primary >= 1 AND ct_secondary >= 1 AND vt_primary >= 1 AND vt_secondary >= 1),
	CONSTRAINT uq_meter_key UNIQUE ("key"),
	CONSTRAINT fk_meter_site_key FOREIGN KEY(site_key) REFERENCES site ("key"),
	CONSTRAINT fk_meter_space_key FOREIGN KEY(space_key) REFERENCES space ("key"),
	CONSTRAINT fk_meter_circuit_key FOREIGN KEY(circuit_key) REFERENCES circuit ("key"),
	CONSTRAINT uq_meter_pan UNIQUE (pan)
)
 STRICT
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
	id INTEGER NOT NULL,
	meter_key TEXT NOT NULL,
	at TEXT NOT NULL,
	ea TEXT NOT NULL,
	tct TEXT NOT NULL,
	dkga TEXT NOT NULL,
	sgc TEXT NOT NULL,
	krn INTEGER NOT NULL,
	ti TEXT NOT NULL,
	key_type INTEGER NOT NULL,
	ken INTEGER NOT NULL,
	base_date INTEGER NOT NULL,
	actor TEXT NOT NULL,
	evidence TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_meter_key_data PRIMARY KEY (id),
	CONSTRAINT fk_meter_key_data_meter_key FOREIGN KEY(meter_key) REFERENCES meter ("key")
)
 STRICT
--;;
CREATE INDEX ix_meter_key_data_meter_key ON meter_key_data (meter_key)
--;;
CREATE TRIGGER IF NOT EXISTS meter_key_data_no_update BEFORE UPDATE ON meter_key_data BEGIN SELECT RAISE(ABORT, 'meter_key_data is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS meter_key_data_no_delete BEFORE DELETE ON meter_key_data BEGIN SELECT RAISE(ABORT, 'meter_key_data is append only'); END
--;;
CREATE TABLE meter_ratio (
	id INTEGER NOT NULL,
	meter_key TEXT NOT NULL,
	at TEXT NOT NULL,
	ct_primary INTEGER NOT NULL,
	ct_secondary INTEGER NOT NULL,
	vt_primary INTEGER NOT NULL,
	vt_secondary INTEGER NOT NULL,
	applied_by TEXT NOT NULL,
	approval_key TEXT,
	reason TEXT NOT NULL,
	CONSTRAINT pk_meter_ratio PRIMARY KEY (id),
	CONSTRAINT fk_meter_ratio_meter_key FOREIGN KEY(meter_key) REFERENCES meter ("key")
)
 STRICT
--;;
CREATE INDEX ix_meter_ratio_meter_key ON meter_ratio (meter_key)
--;;
CREATE TRIGGER IF NOT EXISTS meter_ratio_no_update BEFORE UPDATE ON meter_ratio BEGIN SELECT RAISE(ABORT, 'meter_ratio is append only'); END
--;;
CREATE TRIGGER IF NOT EXISTS meter_ratio_no_delete BEFORE DELETE ON meter_ratio BEGIN SELECT RAISE(ABORT, 'meter_ratio is append only'); END
--;;
CREATE TABLE meter_register (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	meter_key TEXT NOT NULL,
	name TEXT NOT NULL,
	service TEXT NOT NULL,
	source TEXT NOT NULL,
	unit TEXT NOT NULL,
	subclass INTEGER NOT NULL,
	tariff TEXT,
	CONSTRAINT pk_meter_register PRIMARY KEY (id),
	CONSTRAINT uq_meter_register_meter_key_name UNIQUE (meter_key, name),
	CONSTRAINT ck_meter_register_source_known CHECK (source IN ('mains', 'generator')),
	CONSTRAINT uq_meter_register_key UNIQUE ("key"),
	CONSTRAINT fk_meter_register_meter_key FOREIGN KEY(meter_key) REFERENCES meter ("key")
)
 STRICT
--;;
CREATE INDEX ix_meter_register_meter_key ON meter_register (meter_key)
--;;
CREATE TABLE move_out (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	lease_key TEXT NOT NULL,
	tenant_key TEXT NOT NULL,
	space_key TEXT NOT NULL,
	state TEXT NOT NULL,
	content TEXT NOT NULL,
	reason TEXT NOT NULL,
	approval_key TEXT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	done_at TEXT,
	CONSTRAINT pk_move_out PRIMARY KEY (id),
	CONSTRAINT ck_move_out_state_known CHECK (state IN ('asked', 'done', 'withdrawn')),
	CONSTRAINT uq_move_out_key UNIQUE ("key"),
	CONSTRAINT fk_move_out_lease_key FOREIGN KEY(lease_key) REFERENCES lease ("key"),
	CONSTRAINT uq_move_out_approval_key UNIQUE (approval_key)
)
 STRICT
--;;
CREATE INDEX ix_move_out_lease_key ON move_out (lease_key)
--;;
CREATE UNIQUE INDEX uq_move_out_one_of_a_lease ON move_out (lease_key) WHERE state <> 'withdrawn'
--;;
CREATE TABLE meter_swap (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	site_key TEXT NOT NULL,
	old_meter TEXT NOT NULL,
	new_meter TEXT NOT NULL,
	state TEXT NOT NULL,
	units INTEGER NOT NULL,
	order_id TEXT,
	content TEXT NOT NULL,
	reason TEXT NOT NULL,
	approval_key TEXT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_at TEXT NOT NULL,
	done_at TEXT,
	found_units INTEGER,
	found_at TEXT,
	CONSTRAINT pk_meter_swap PRIMARY KEY (id),
	CONSTRAINT ck_meter_swap_state_known CHECK (state IN ('asked', 'done', 'withdrawn')),
	CONSTRAINT ck_meter_swap_swaps_something CHECK (units >= 0 AND old_meter <> new_meter),
	CONSTRAINT uq_meter_swap_key UNIQUE ("key"),
	CONSTRAINT fk_meter_swap_old_meter FOREIGN KEY(old_meter) REFERENCES meter ("key"),
	CONSTRAINT fk_meter_swap_new_meter FOREIGN KEY(new_meter) REFERENCES meter ("key"),
	CONSTRAINT uq_meter_swap_approval_key UNIQUE (approval_key)
)
 STRICT
--;;
CREATE INDEX ix_meter_swap_old_meter ON meter_swap (old_meter)
--;;
CREATE UNIQUE INDEX uq_meter_swap_one_of_a_meter ON meter_swap (old_meter) WHERE state <> 'withdrawn'
