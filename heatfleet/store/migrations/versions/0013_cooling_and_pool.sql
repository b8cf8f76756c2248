-- Cooling mirrors heating, the pool takes what is left.

do $$
declare name text;
begin
  foreach name in array array['telemetry', 'device_latest', 'telemetry_hours', 'telemetry_days'] loop
    execute format('alter table %I add column cooling_setpoint_c real, add column pool_temp_c real,
      add column pool_setpoint_c real', name);
  end loop;
end $$;

alter table plan_steps
  add column cooling boolean not null default false,  -- the state is asked of the cooling
  add column pool_heating boolean,                    -- whether the pool is heated or waits; null: its own programme
  add column pool_temp_c real;

alter table commands drop constraint commands_purpose_check;
alter table commands add constraint commands_purpose_check
  check (purpose in ('steer', 'hot_water', 'pool', 'disinfection', 'release'));
