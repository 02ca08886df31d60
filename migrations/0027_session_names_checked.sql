-- Checks the sessions that were there before the constraint of the migration before. It reads the
-- table once, beside everything that goes on.
alter table sessions validate constraint sessions_name_length;
