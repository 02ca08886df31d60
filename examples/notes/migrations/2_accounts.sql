-- Each note belongs to an account, and is deleted with it. An older note belongs to nobody.
alter table notes add account_id uuid references holdfast.accounts (account_id) on delete cascade;
create index notes_account_id on notes (account_id);
