-- Which master secrets are in use, and which ones must never be trusted again.
--
-- One row a secret, for ever, as a one-way fingerprint. It lets an instance find out
-- that others use a secret which it was not told (it then signs nobody out), and lets
-- an operator forbid a leaked one on every instance at once.
--
-- `secret_fingerprint` holds a single row and stays for one release: an instance of
-- the release before reads and writes it.
create table secrets (
    fingerprint bytea not null,
    state text not null,
    -- Other instances accept a secret two seconds after this.
    entered_at timestamptz not null default clock_timestamp(),
    -- Renewed every ten seconds by the instances whose current secret it is.
    last_minted_at timestamptz not null default clock_timestamp(),
    forbidden_at timestamptz,
    constraint secrets_pkey primary key (fingerprint),
    constraint secrets_state check (state in ('in_use', 'forbidden')),
    constraint secrets_forbidden_at check ((forbidden_at is not null) = (state = 'forbidden'))
);

insert into secrets (fingerprint, state)
select fingerprint, 'in_use'
from secret_fingerprint;
