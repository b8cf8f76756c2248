-- Telemetry that stays small and fast: roll-ups, compacted days, retention.
-- One life: telemetry (one row per poll, weekly partitions) -> telemetry_packed (one row per pump and UTC day).
-- Beside it: telemetry_hours and telemetry_days, whose columns are means, or last values of meters and settings.

create table telemetry_packed (
  heat_pump_id uuid not null,
  org_id uuid not null,
  day date not null,                                        -- UTC
  samples int not null,
  data bytea not null,                                      -- domain/compaction.py
  primary key (heat_pump_id, day)
);
alter table telemetry_packed alter column data set storage external;  -- it is deflated already
create index telemetry_packed_age on telemetry_packed using brin (day);

create table telemetry_hours (
  heat_pump_id uuid not null,
  org_id uuid not null,
  start_at timestamptz not null,
  samples int not null,
  estimated int not null,                                   -- a bit per channel: some of its samples were
  modelled int not null,
  indoor_temp_c real, outdoor_temp_c real, flow_temp_c real, return_temp_c real, dhw_temp_c real,
  power_kw real, energy_kwh double precision, heat_kwh double precision, grid_export_kw real,
  indoor_setpoint_c real, curve_offset_k real, dhw_setpoint_c real, dhw_boost real, sg_ready_state real,
  mode real, degree_minutes real,
  primary key (heat_pump_id, start_at)
);
create index telemetry_hours_age on telemetry_hours using brin (start_at);
create table telemetry_days (like telemetry_hours including indexes);

do $$
declare name text;
begin
  foreach name in array array['telemetry_packed', 'telemetry_hours', 'telemetry_days'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (in_scope(org_id)) with check (in_scope(org_id))', name);
  end loop;
end $$;

-- The same scope, looked up once a query and not once a row: reading telemetry reads thousands.
create function scope_org() returns uuid language sql stable as $$
  select nullif(nullif(current_setting('heatfleet.org', true), ''), 'fleet')::uuid
$$;
do $$
declare name text;
begin
  foreach name in array array['telemetry', 'telemetry_packed', 'telemetry_hours', 'telemetry_days'] loop
    execute format('alter policy own_organisation on %I using ((select current_setting(''heatfleet.org'', true) = ''fleet'')'
                   ' or org_id = (select scope_org()))', name);
  end loop;
end $$;

-- The newest values change with every poll and have no index of their own: room on the page keeps that cheap.
alter table device_latest set (fillfactor = 50);

-- Rows are loaded by COPY, which row-level security refuses. So a week of telemetry takes inserts directly (nothing
-- else), and the same scope is a constraint on it. "not valid" is only about rows there before: new ones are checked,
-- and a dump restores its rows before the constraint.
create function guard_week(week regclass) returns void language plpgsql security definer set search_path = public as $$
declare who record;
begin
  if not exists (select from pg_inherits where inhrelid = week and inhparent = 'telemetry'::regclass) then
    raise exception '% is no week of telemetry', week;
  end if;
  if not exists (select from pg_constraint where conrelid = week and conname = 'own_organisation') then
    execute format('alter table %s add constraint own_organisation check (in_scope(org_id)) not valid', week);
  end if;
  for who in select distinct r.rolname from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
      where c.oid = 'telemetry'::regclass and a.privilege_type = 'INSERT' and a.grantee <> c.relowner loop
    execute format('grant insert on %s to %I', week, who.rolname);
  end loop;
end $$;

select guard_week(inhrelid::regclass) from pg_inherits where inhparent = 'telemetry'::regclass;

create or replace function ensure_week(of timestamptz) returns void
language plpgsql security definer set search_path = public as $$
declare
  monday timestamptz := date_trunc('week', of at time zone 'UTC') at time zone 'UTC';
  suffix text := to_char(monday at time zone 'UTC', 'IYYY"w"IW');
  parent text;
  week text;
begin
  foreach parent in array array['telemetry', 'plan_steps'] loop
    week := parent || '_' || suffix;
    if to_regclass(week) is null then
      perform pg_advisory_xact_lock(hashtext(parent || suffix));
      execute format('create table if not exists %I partition of %I for values from (%L) to (%L)',
                     week, parent, monday, monday + interval '7 days');
      if parent = 'telemetry' then
        perform guard_week(week::regclass);
      end if;
    end if;
  end loop;
end $$;

-- Weeks of telemetry that ended by `before` and hold no row are dropped; one that is in use stays for another night.
create function drop_empty_weeks(before timestamptz) returns int
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
    exception when lock_not_available then
      continue;
    end;
  end loop;
  return dropped;
end $$;
