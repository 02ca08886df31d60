-- Lets an account with millions of events be deleted within a request.
--
-- The events no longer go with the account in one statement, which took longer than a
-- request may; the sweep deletes them in batches. Deleting them in batches before the
-- account was rejected: a request that is broken off would leave half an account.
--
-- An instance of the release before deletes an account without an entry here; what its
-- events are is forgotten by age then.
create table deleted_accounts (
    account_id uuid not null,
    deleted_at timestamptz not null default clock_timestamp(),
    constraint deleted_accounts_pkey primary key (account_id)
);

alter table events drop constraint events_account_id_fkey;
