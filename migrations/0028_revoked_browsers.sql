-- Makes a browser unknown to the account again when the person ends its session from another browser.
--
-- `sessions.browser_id` says in which browser a session was opened. It is the id in the token of this
-- known browser. A row in `revoked_browsers` makes all tokens with this id void. A column that is set in
-- `sessions` was rejected: the row of a session is deleted when the session ends. A random id for each
-- token was rejected, too: a browser that signs in again has several tokens, and all of them must be void.
--
-- No index has `sessions.browser_id` and no renewal writes it, so renewals stay HOT updates. The column
-- is null in a session that was opened at an instance of the release before. The end of such a session
-- revokes nothing.
--
-- The foreign key locks `accounts`, so it comes before the change of `sessions`. A sign-in and a change of
-- the password use the two tables in the same order. In the other order they and this migration could wait
-- for each other, and every renewal would wait behind them.
create table revoked_browsers (
    account_id uuid not null,
    browser_id uuid not null,
    revoked_at timestamptz not null default clock_timestamp(),
    constraint revoked_browsers_pkey primary key (account_id, browser_id),
    constraint revoked_browsers_account_id_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade
);

-- For the sweep.
create index revoked_browsers_revoked_at on revoked_browsers (revoked_at);

alter table sessions add column browser_id uuid;
