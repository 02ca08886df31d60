-- Lets the longest lifetime of a session go down again.
--
-- `longest_session_seconds` only ever went up, so one start with a lifetime of ten years
-- kept endings for ten years. It may go down once every session that was opened under it
-- is over: one lifetime after an instance last said that it opens such sessions. Taking
-- the longest of the sessions that live was rejected: a token of another database must be
-- told from one whose time is over, and its session has no row here.
--
-- An instance of the release before raises the lifetime and leaves this column alone.
alter table database
add column longest_session_until timestamptz not null default '-infinity';

update database
set longest_session_until =
    clock_timestamp() + make_interval(secs => longest_session_seconds) + interval '1 day';
