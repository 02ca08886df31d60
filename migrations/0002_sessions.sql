-- A session is one sign-in on one browser, with its chain of refresh tokens.
--
-- One row per live session, for ever: a rotation overwrites the row, and
-- overwriting `token_hash` *is* the deletion of the old refresh token. A table of
-- tokens was rejected, because it grows with every refresh and makes "which one is
-- current" a question.
--
-- No index touches a column that a rotation writes, and a third of each page stays
-- free, so that rotations are HOT updates: no index writes, and the space of an old
-- version is used again without a vacuum.
create table sessions (
    session_id uuid not null,
    account_id uuid not null,
    -- Link number of the current token in the chain.
    generation bigint not null,
    -- SHA-256 of the current token's secret. The token itself is never here.
    token_hash bytea not null,
    -- Eight bytes for each of the last 16 attempt keys, the newest first.
    attempt_keys bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    rotated_at timestamptz not null default clock_timestamp(),
    -- Written once, by the insert: every token of the chain expires then.
    expires_at timestamptz not null,
    idle_seconds bigint not null,
    remember boolean not null,
    ip text,
    user_agent text,
    constraint sessions_pkey primary key (session_id),
    constraint sessions_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint sessions_generation_range check (generation between 0 and 4294967295),
    constraint sessions_token_hash_length check (octet_length(token_hash) = 32),
    constraint sessions_attempt_keys_length check (
        octet_length(attempt_keys) <= 128 and octet_length(attempt_keys) % 8 = 0
    ),
    constraint sessions_user_agent_length check (octet_length(user_agent) <= 256)
) with (fillfactor = 70);

create index sessions_account_id_idx on sessions (account_id);
create index sessions_expires_at_idx on sessions (expires_at);

-- An ending outlives its session for two access-token lifetimes, so that every
-- instance can refuse the access tokens that are still on their way.
create table session_ends (
    session_id uuid not null,
    ended_at timestamptz not null default clock_timestamp(),
    reason text not null,
    constraint session_ends_pkey primary key (session_id)
);

create index session_ends_ended_at_idx on session_ends (ended_at);
