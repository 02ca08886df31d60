-- Lets a person change the username.
--
-- A name that was given up stays reserved for thirty days, so that nobody else can pretend to be its
-- former owner. The account that had it may take it back at once. A row says that this account has had
-- this name until `given_up_at`. A column in `accounts` was rejected: an account may give up several
-- names within thirty days.
--
-- An instance of the release before does not read this table. While such instances run, a name that was
-- given up can be chosen at them.
create table former_usernames (
    -- The name in lower case, as in `accounts`.
    username_key text not null,
    account_id uuid not null,
    given_up_at timestamptz not null default clock_timestamp(),
    constraint former_usernames_pkey primary key (username_key),
    constraint former_usernames_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade
);

-- For the limit of an account, and for its deletion.
create index former_usernames_account_id on former_usernames (account_id);

-- For the sweep, and for the instances that read every second which accounts have a new name.
create index former_usernames_given_up_at on former_usernames (given_up_at);

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
        'username_changed',
        'recovered',
        'recovery_code_made',
        'recovery_code_confirmed',
        'account_disabled',
        'account_enabled',
        'failures_forgiven',
        'reset_link_made'
    )
) not valid;
