-- Lets a person give the browser of a session a name, to tell two of the same kind apart.
--
-- The name ends with the session. A name that stays with the browser was rejected: the server would
-- have to recognise a browser after a sign-out. No index has the column and no renewal writes it, so
-- renewals stay HOT updates.
--
-- The rule for names is in `protocol/src/session_name.rs`. Its 64 characters have at most 256 bytes.
-- Rows that exist are checked by the next migration, whose lock lets reads and writes go on.
alter table sessions
add column name text,
add constraint sessions_name_length check (octet_length(name) between 1 and 256) not valid;
