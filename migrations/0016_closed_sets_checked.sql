-- Checks the rows that were there before the constraints of the migration before. It
-- reads both tables once, beside everything that goes on.
alter table session_ends validate constraint session_ends_reason;
alter table events validate constraint events_kind;
alter table events validate constraint events_user_agent_length;
