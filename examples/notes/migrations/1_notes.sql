-- The notes.
create table notes (
    note_id uuid primary key default gen_random_uuid(),
    text text not null,
    written_at timestamptz not null default clock_timestamp()
);
