-- Lets a person who lost the password back in: with a code that they have kept.
--
-- Only a hash of a code is here. A code is 128 random bits, so a plain hash is enough: there
-- is nothing to guess. An account has at most two codes: one that the person keeps
-- (`confirmed_at`), and a newer one of which that is not known yet. Both are good. When the
-- newer one is confirmed or used, the other row goes. A column on `accounts` was rejected
-- for that reason.
create table recovery_codes (
    account_id uuid not null,
    -- SHA-256 of the code.
    code_hash bytea not null,
    made_at timestamptz not null default clock_timestamp(),
    confirmed_at timestamptz,
    constraint recovery_codes_pkey primary key (account_id, code_hash),
    constraint recovery_codes_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint recovery_codes_code_hash_length check (octet_length(code_hash) = 32)
);

create unique index recovery_codes_unconfirmed_key on recovery_codes (account_id)
where confirmed_at is null;

-- The kinds of events that come with it. Rows that exist are checked by the next migration,
-- whose lock lets reads and writes go on.
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
        'failures_forgiven'
    )
) not valid;
