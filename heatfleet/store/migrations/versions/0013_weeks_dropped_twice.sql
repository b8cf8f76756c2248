-- As in 0004, and a week that another worker has dropped in the meantime is no fault.
create or replace function drop_empty_weeks(before timestamptz) returns int
language plpgsql security definer set search_path = public as $$
declare
  week regclass;
  is_empty boolean;
  dropped int := 0;
begin
  perform set_config('lock_timeout', '1s', true);
  for week in select inhrelid::regclass from pg_inherits join pg_class on oid = inhrelid
      where inhparent = 'telemetry'::regclass
        and to_date(right(relname, 7), 'IYYY"w"IW') + 7 <= (before at time zone 'UTC')::date loop
    begin
      execute format('lock table only telemetry, only %s in access exclusive mode', week);
      execute format('select not exists (select from only %s)', week) into is_empty;
      if is_empty then
        execute format('drop table %s', week);
        dropped := dropped + 1;
      end if;
    exception when lock_not_available or undefined_table or syntax_error then
      continue;
    end;
  end loop;
  return dropped;
end $$;
