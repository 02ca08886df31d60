-- How often something happened that one entry stands for: the failures of an hour are
-- one entry, so that nobody can bury what matters under them.
--
-- Such an entry's id is made from the hour and a keyed hash of what it is about, so
-- that every instance counts in the same row without asking for it.
alter table events add column times bigint not null default 1;
