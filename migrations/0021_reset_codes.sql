-- Lets a person back in who lost the password and the recovery code: with a link that an operator
-- makes and hands over.
--
-- The link has a code like those in `recovery_codes`, of 128 random bits; only its hash is here.
-- It is good for an hour and once. A used one stays until it expires, because the answer to its use
-- may have been lost, and the browser then asks again. An account has at most one: a new link makes
-- the earlier one void. A row in `recovery_codes` was rejected: a server of an earlier version would
-- accept it for ever.
create table reset_codes (
    account_id uuid not null,
    -- SHA-256 of the code.
    code_hash bytea not null,
    -- A password that was set later makes the code void, also if a server of an earlier version, which
    -- does not know this table, has set it.
    made_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint reset_codes_pkey primary key (account_id),
    constraint reset_codes_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint reset_codes_code_hash_length check (octet_length(code_hash) = 32)
);

-- The kind of event that comes with it. Rows that exist are checked by the next migration, whose
-- lock lets reads and writes go on.
alter table events drop constraint events_kind;

alter table events
add constraint events_kind check (
    kind in (
        'sign_up',
        'sign_in',
        'sign_in_failed',
        'sign_out',
        'session_ended',
        'refresh_token_reused',
        'refresh_repeated',
        'refreshed_forward',
        'password_changed',
        'recovered',
        'recovery_code_made',
        'recovery_code_confirmed',
        'account_disabled',
        'account_enabled',
        'failures_forgiven',
        'reset_link_made'
    )
) not valid;
