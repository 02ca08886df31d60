-- Which password an account had before the one that it has, so that only the browsers that
-- signed in with that one stay known for ten minutes after a change. Until now those of
-- every older password did.
--
-- A table of passwords was rejected: one moment is enough. An instance of the release
-- before leaves the column as it is when it changes a password. For ten minutes the
-- browsers of the password before last are then known, and those of the last one are not.
alter table accounts add column previous_password_changed_at timestamptz;
