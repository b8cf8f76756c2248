-- A job that is begun is counted, by whomever and in whatever way it is claimed: the one that kills its worker is found.
-- It gives up its key at the same moment: the key is for waiting jobs, and news that comes while it runs needs a new one.
alter table pgqueuer add column starts int not null default 0;
alter table pgqueuer add column parked_because text;

create function begin_job() returns trigger language plpgsql as $$
begin
  new.starts := old.starts + 1;
  new.dedupe_key := null;
  return new;
end $$;

create trigger begin_job before update of status on pgqueuer
  for each row when (new.status = 'picked') execute function begin_job();
