-- Lets the activity say which browser was signed out, and not only from which browser.
--
-- The session is deleted when it ends, so the event keeps the `User-Agent` header of its browser. A look at
-- the event of its sign-in was rejected: an account may have millions of events, and none of them is found
-- by its session. The name that a person has given to the browser is not kept, because a thief can choose
-- it. The column is null in an event of the release before.
--
-- Rows that exist are checked by the next migration, whose lock lets reads and writes go on.
alter table events
add column ended_user_agent text,
add constraint events_ended_user_agent_length check (octet_length(ended_user_agent) <= 256) not valid;
