-- Lets no kind of event and no reason of an ending into the tables that the code does
-- not know. An enum type was rejected: adding a value to one cannot be undone, and an
-- older instance that reads such a column would have to know the type.
--
-- Rows that exist are checked by the next migration, whose lock stands in nobody's way.
-- A release with a new kind replaces the check before its instances write it.
alter table session_ends
add constraint session_ends_reason check (
    reason in (
        'logout',
        'reuse',
        'expired',
        'password_changed',
        'ended_elsewhere',
        'account_disabled',
        'account_deleted'
    )
) not valid;

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
        'account_disabled',
        'account_enabled',
        'failures_forgiven'
    )
) not valid,
add constraint events_user_agent_length check (octet_length(user_agent) <= 256) not valid;
