-- Failures in a row, so that guessing is slow on all instances together.
--
-- Rows are found by a keyed hash of the name that was typed (or of a known browser, or
-- of a session), whether there is such an account or not: names without an account
-- behave alike, and passwords that people type into the wrong field are not stored. A
-- column on `accounts` was rejected for both reasons.
--
-- No index on `last_at`: counting would no longer be a HOT update. What is old is found
-- by walking the primary key.
create table sign_in_failures (
    name_hash bytea not null,
    failures bigint not null,
    last_at timestamptz not null default clock_timestamp(),
    constraint sign_in_failures_pkey primary key (name_hash),
    constraint sign_in_failures_name_hash_length check (octet_length(name_hash) = 16),
    constraint sign_in_failures_failures_range check (failures > 0)
) with (fillfactor = 70);

-- Failures before this moment do not count: an operator helped. The operator's command
-- does not know the key of the hashes.
alter table accounts add column failures_forgiven_at timestamptz;
