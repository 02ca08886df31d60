-- Tells a person that somebody has signed in to the account from a browser that it did not know.
--
-- The other sessions of the account show it until the person has read it. Then the row is deleted. The
-- sign-in itself stays in `events`. A column in `sessions` was rejected: the row of a session is deleted
-- when the session ends, so a thief could sign out to hide the sign-in.
create table sign_in_notices (
    -- The session that the sign-in has opened. It may be over.
    session_id uuid not null,
    account_id uuid not null,
    signed_in_at timestamptz not null default clock_timestamp(),
    ip text,
    user_agent text,
    constraint sign_in_notices_pkey primary key (session_id),
    constraint sign_in_notices_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint sign_in_notices_user_agent_length check (octet_length(user_agent) <= 256)
);

create index sign_in_notices_account_id on sign_in_notices (account_id);

-- For the sweep.
create index sign_in_notices_signed_in_at on sign_in_notices (signed_in_at);
