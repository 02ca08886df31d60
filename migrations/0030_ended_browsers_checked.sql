-- Checks the events that were there before the constraint of the migration before. It reads
-- the table once, beside everything that goes on.
alter table events validate constraint events_ended_user_agent_length;
