create table workspace (
  id integer generated always as identity primary key,
  name text not null unique,
  created_at timestamptz not null default now(),
  archived_at timestamptz
);

insert into workspace (name) values ('default');
