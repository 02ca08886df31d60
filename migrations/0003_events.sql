-- What a person sees as the activity of their account; the audit trail.
--
-- Ids are UUIDv7, so their order is the order in time and paging needs no second
-- column. `session_id` is not a foreign key: the session is often gone by then.
create table events (
    event_id uuid not null,
    account_id uuid not null,
    session_id uuid,
    kind text not null,
    at timestamptz not null default clock_timestamp(),
    ip text,
    user_agent text,
    detail text,
    constraint events_pkey primary key (event_id),
    constraint events_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade
);

create index events_account_id_idx on events (account_id, event_id desc);
create index events_at_idx on events (at);
