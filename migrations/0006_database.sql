-- What the database knows about itself. One row.
--
-- `birth` tells a session that ended from one that lives in another database: a
-- session which is older than this database, and which it has never heard of, belongs
-- to the database that the operator meant. Sizes and names were rejected as signs of
-- a wrong database: a restored copy has both.
create table database (
    only_row boolean not null default true,
    birth timestamptz not null,
    -- Under which address every instance signs access tokens.
    issuer text,
    -- The longest lifetime of a session that any instance was ever told. Endings that
    -- must outlive every refresh token of a session are kept for so long.
    longest_session_seconds bigint not null default 0,
    constraint database_pkey primary key (only_row),
    constraint database_only_row check (only_row)
);

insert into database (birth)
select least(clock_timestamp(), min(created_at))
from accounts;
