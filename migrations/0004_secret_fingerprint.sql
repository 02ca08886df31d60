-- Which master secret this database works with, as a one-way fingerprint.
--
-- An instance that knows none of the secrets in use must not start: it would
-- refuse everybody's refresh tokens, and the browsers would sign people out.
create table secret_fingerprint (
    only_row boolean not null default true,
    fingerprint bytea not null,
    constraint secret_fingerprint_pkey primary key (only_row),
    constraint secret_fingerprint_only_row check (only_row)
);
