-- An account is who signs in.
--
-- `username` is the name as the person wrote it, `username_key` the one by which
-- accounts are told apart (lowercase). A case-insensitive collation was rejected:
-- it differs between machines, and a replica would disagree with its primary.
create table accounts (
    account_id uuid not null,
    username text not null,
    username_key text not null,
    -- argon2id in PHC format. Only ever compared by the password hasher.
    password_hash text not null,
    created_at timestamptz not null default clock_timestamp(),
    -- A sign-in that verified an older password must not open a session.
    password_changed_at timestamptz not null default clock_timestamp(),
    disabled_at timestamptz,
    constraint accounts_pkey primary key (account_id),
    constraint accounts_username_key unique (username_key),
    constraint accounts_username_length check (char_length(username) between 3 and 64)
);
