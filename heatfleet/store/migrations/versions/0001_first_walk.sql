-- The first walk. Every table of one organisation carries org_id and row-level security; see the end of the file.
-- Units: °C, K, kW, kWh; instants are UTC; ends are exclusive.

create table organisations (
  id uuid primary key,
  name text not null,
  logo_url text,
  colour text,
  frame_ancestors text[] not null default '{}',
  redirect_hosts text[] not null default '{}',
  surcharge_per_zone jsonb not null default '{}',          -- currency/kWh on top of the wholesale price
  default_comfort jsonb not null default '{}',
  hold_out_share real not null default 0,
  trading_deadline text not null default '14:30',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table clients (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  name text not null,
  secret_sha256 bytea not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index on clients (org_id);

create table users (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  email text not null,
  role text not null check (role in ('admin', 'staff', 'user')),
  external_user_id text,
  first_name text,
  last_name text,
  street_and_number text,
  street_add_info text,
  zip_code text,
  town text,
  country_iso2 text,
  latitude double precision,
  longitude double precision,
  location_last_updated timestamptz,
  password_hash text,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index users_email on users (org_id, lower(email)) where deleted_at is null;
create index users_login on users (lower(email)) where deleted_at is null;

create table refresh_tokens (
  token_sha256 bytea primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  family_id uuid not null,
  client_id uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  revoked_at timestamptz
);
create index on refresh_tokens (family_id);

create table buildings (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  name text not null,
  property_type text,
  property_size_m2 double precision,
  property_age int,
  num_occupants int,
  occupant_type text,
  space_heating text,
  water_heating text,
  photovoltaic boolean not null default false,
  street_and_number text,
  street_add_info text,
  zip_code text,
  town text,
  country_iso2 text,
  latitude double precision,
  longitude double precision,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index on buildings (org_id, user_id);

create table energy_contracts (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  building_id uuid references buildings,
  energy_contract_type text not null,
  energy_prices jsonb not null default '[]',
  currency_energy_price text,
  energy_price_includes_external_components boolean not null default false,
  meter_id text,
  supplier text,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index on energy_contracts (org_id, user_id);

-- Catalogue, the same for all organisations.
create table cloud_services (
  id uuid primary key,
  vendor text not null unique,
  name text not null,
  instructions text,
  signup_link text,
  is_official boolean not null default true,
  needs_gateway boolean not null default false
);

create table device_models (
  id uuid primary key,
  manufacturer text not null,
  model text not null,
  year int,
  short_name text not null default 'hp_atw',
  long_name text not null default 'Heat Pump (Air-to-Water)',
  cloud_service_id uuid references cloud_services
);
create unique index device_models_name on device_models (manufacturer, model, coalesce(year, 0), coalesce(cloud_service_id, '00000000-0000-0000-0000-000000000000'));

create table connections (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  vendor text not null,
  account_id text not null,
  grant_sealed bytea,                                       -- AES-256-GCM, AAD = org_id|connection id|vendor
  grant_version int not null default 1,
  grant_expires_at timestamptz,                             -- wall clock
  status text not null default 'ok' check (status in ('ok', 'lost')),
  error_code text,
  error_detail text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on connections (org_id, user_id);

create table heat_pumps (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  building_id uuid references buildings,
  connection_id uuid references connections,
  device_model_id uuid references device_models,
  vendor text,
  external_device_id text not null default '',
  name text,
  capabilities jsonb not null default '{}',                 -- channels and levers of this very device
  price_zone text not null default 'AT',
  comment text,
  latitude double precision,
  longitude double precision,

  -- policy: what owner and partner allow
  is_smart_optimization_active boolean not null default false,
  is_space_heating_enabled boolean default false,
  is_hot_water_heating_enabled boolean default false,
  is_pool_heating_enabled boolean default false,
  is_space_cooling_enabled boolean default false,
  optimization_level text default 'Mid',
  is_heating_policy_enabled boolean default false,
  heating_policy_name text,
  minimum_temperature_limit double precision,
  maximum_temperature_limit double precision,
  indoor_target_temperature_offset double precision,
  dhw_standard_temperature double precision,
  minimum_dhw_temperature_limit double precision,
  is_away_mode_enabled boolean default true,
  away_mode_start timestamptz,
  away_mode_end timestamptz,
  away_mode_minimum_temperature_limit double precision,
  away_mode_minimum_dhw_temperature_limit double precision,
  is_pause_power_active boolean not null default false,
  pause_power_until timestamptz,
  is_inverter_forced_mode_enabled boolean not null default false,
  min_solar_power_w int not null default 2000,
  is_forecasting_enabled boolean not null default false,
  is_trading_enabled boolean not null default false,
  temperature_delta_override_for_slight_change int,
  temperature_delta_override_for_significant_change int,
  heating_policy_last_updated_at timestamptz,
  away_mode_last_updated_at timestamptz,
  policy_version int not null default 1,                    -- moves with every policy change; plans name it
  version int not null default 1,                           -- ETag: moves with every writable field

  -- state, written by the flows
  lifecycle_state text not null default 'pending'
    check (lifecycle_state in ('pending', 'authenticated', 'error', 'disconnected', 'deleted')),
  lifecycle_error text,
  control_state text not null default 'observing'
    check (control_state in ('observing', 'ready', 'steering', 'paused', 'lost')),
  connection_status text not null default 'unknown',
  monitoring_status text not null default 'unknown',
  steering_status text not null default 'unknown',
  current_state text,                                       -- steering state in force, null while not steering
  actual_state text,                                        -- state nearest to the levers last read back; null = unknown
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index heat_pumps_user on heat_pumps (org_id, user_id);
create index heat_pumps_fleet on heat_pumps (org_id, id) where deleted_at is null;
create unique index heat_pumps_device on heat_pumps (org_id, vendor, external_device_id)
  where deleted_at is null and external_device_id <> '';
create index heat_pumps_connection on heat_pumps (connection_id);

-- The polling due-table: leased, never one job per device.
create table polls (
  heat_pump_id uuid primary key references heat_pumps on delete cascade,
  org_id uuid not null,
  connection_id uuid not null references connections on delete cascade,
  due_at timestamptz not null,                              -- fleet clock
  interval_s int not null default 300,
  leased_until timestamptz,                                 -- wall clock
  last_contact_at timestamptz,
  last_reading_at timestamptz,
  failures int not null default 0
);
create index polls_due on polls (due_at);

-- One row per poll; a bit in the masks per channel (position in domain.readings.Channel).
create table telemetry (
  heat_pump_id uuid not null,
  org_id uuid not null,
  at timestamptz not null,
  indoor_temp_c real, outdoor_temp_c real, flow_temp_c real, return_temp_c real, dhw_temp_c real,
  power_kw real, energy_kwh double precision, heat_kwh double precision, grid_export_kw real,
  indoor_setpoint_c real, curve_offset_k real, dhw_setpoint_c real, dhw_boost real, sg_ready_state real,
  mode real, degree_minutes real,
  estimated int not null default 0,
  modelled int not null default 0,
  primary key (heat_pump_id, at)
) partition by range (at);

-- The newest value of every channel, and the consumption figures the API shows.
create table device_latest (
  heat_pump_id uuid primary key references heat_pumps on delete cascade,
  org_id uuid not null,
  at timestamptz,
  polled_at timestamptz,
  indoor_temp_c real, outdoor_temp_c real, flow_temp_c real, return_temp_c real, dhw_temp_c real,
  power_kw real, energy_kwh double precision, heat_kwh double precision, grid_export_kw real,
  indoor_setpoint_c real, curve_offset_k real, dhw_setpoint_c real, dhw_boost real, sg_ready_state real,
  mode real, degree_minutes real,
  estimated int not null default 0,
  modelled int not null default 0,
  consumption_last_day_kwh real,
  consumption_last_week_kwh real,
  consumption_last_month_kwh real,
  consumption_last_updated_at timestamptz,
  disinfection_last_at timestamptz                          -- last verified dose
);

create table energy_hours (
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  org_id uuid not null,
  hour_at timestamptz not null,
  energy_kwh real not null,
  quality text not null check (quality in ('measured', 'estimated', 'modelled')),
  primary key (heat_pump_id, hour_at)
);

create table thermal_models (
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  org_id uuid not null,
  version int not null,
  kind text not null,                                       -- prior, ols, grey_box
  parameters jsonb not null,
  error_24h_k real,
  fitted_at timestamptz not null,
  in_force boolean not null default false,
  primary key (heat_pump_id, version)
);

-- Markets and weather, the same for all organisations.
create table prices (
  zone text not null,
  start_at timestamptz not null,
  price_per_mwh double precision not null,                  -- wholesale, the zone's currency
  source text not null,
  fetched_at timestamptz not null default now(),
  primary key (zone, start_at)
);

create table weather (
  place text not null,                                      -- "lat,lon" rounded to 0.1 degree
  start_at timestamptz not null,
  temp_c real not null,
  ghi_kw_m2 real,
  is_forecast boolean not null default true,
  source text not null,
  fetched_at timestamptz not null default now(),
  primary key (place, start_at)
);

-- What we intend; replaced from its first step on by every newer plan, so the past stays as it was planned.
create table plan_steps (
  heat_pump_id uuid not null,
  org_id uuid not null,
  start_at timestamptz not null,
  state text not null check (state in ('min', 'low', 'mid', 'max')),
  hot_water boolean not null default false,
  power_kw real not null,
  indoor_temp_c real,
  dhw_temp_c real,
  price real,
  reason_code text not null,
  made_at timestamptz not null,
  model_version int not null,
  policy_version int not null,
  primary key (heat_pump_id, start_at)
) partition by range (start_at);

-- The owner's own value of each lever, captured before our first write, and whether it is still to be given back.
create table baselines (
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  org_id uuid not null,
  lever text not null,
  own_value double precision not null,
  captured_at timestamptz not null,
  written_value double precision,                           -- our last write, null = untouched
  written_at timestamptz,
  settle_at timestamptz,                                    -- from when our last write can be read back
  attempts int not null default 0,                          -- how often the written value was sent without being seen
  ends_at timestamptz,                                      -- when our write must have ended
  release_owed_since timestamptz,                           -- set by our first write, cleared when seen restored
  backed_off_until timestamptz,                             -- the owner moved it: hands off until then
  primary key (heat_pump_id, lever)
);
create index baselines_owed on baselines (ends_at) where release_owed_since is not null;

create table commands (
  id uuid primary key,
  org_id uuid not null,
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  lever text not null,
  value double precision not null,
  previous_value double precision,
  state text,                                               -- steering state it asks for; null for a release
  purpose text not null check (purpose in ('steer', 'hot_water', 'disinfection', 'release')),
  reason_code text,
  status text not null check (status in
    ('sent', 'accepted', 'confirmed', 'unconfirmed', 'rejected', 'overridden')),
  attempt int not null default 1,
  issued_at timestamptz not null,                           -- fleet clock
  ends_at timestamptz not null,
  settle_at timestamptz not null,
  receipt jsonb,
  confirmed_at timestamptz
);
create index commands_pump on commands (heat_pump_id, issued_at desc);
create index commands_open on commands (settle_at) where status in ('sent', 'accepted', 'unconfirmed');

create table onboarding_sessions (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  language text not null,
  price_zone_default text not null,
  is_smart_optimization_active_default boolean not null default false,
  success_url text not null,
  cancel_url text not null,
  building_id uuid references buildings,
  device_type text,
  external_metadata jsonb not null default '{}',
  state text not null default 'open' check (state in ('open', 'done', 'cancelled', 'failed')),
  step jsonb not null default '{}',                         -- where the person is: vendor, state secret, connection
  heat_pump_id uuid references heat_pumps,                  -- the device made, or the one to sign in again
  expires_at timestamptz not null,                          -- wall clock
  created_at timestamptz not null default now()
);
create index on onboarding_sessions (org_id);

create table consents (
  id uuid primary key,
  org_id uuid not null,
  user_id uuid not null references users on delete cascade,
  heat_pump_id uuid references heat_pumps on delete cascade,
  vendor text not null,
  scopes text[] not null,                                   -- read, write
  language text not null,
  text_version text not null,
  given_at timestamptz not null,
  withdrawn_at timestamptz
);

create table cues (
  id uuid primary key,
  org_id uuid not null,
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  code text not null check (code in ('reauthenticate', 'information')),
  metadata jsonb not null default '{}',
  state text not null default 'active' check (state in ('active', 'resolved', 'failed')),
  sent_at timestamptz not null,
  resolved_at timestamptz
);
create index cues_active on cues (heat_pump_id) where state = 'active';

create table events (
  id uuid primary key,
  org_id uuid not null,
  at timestamptz not null,
  type text not null,
  heat_pump_id uuid,
  payload jsonb not null
);
create index on events (org_id, id);

create table audit (
  id uuid primary key,
  org_id uuid not null,
  at timestamptz not null default now(),
  actor text not null,                                      -- client:ID, user:ID, flow:NAME
  action text not null,
  object_kind text not null,
  object_id uuid,
  before jsonb,
  after jsonb,
  request_id text
);
create index on audit (org_id, id);

create table idempotency_keys (
  org_id uuid not null,
  actor text not null,
  key text not null,
  request_sha256 bytea not null,
  status int,
  answer bytea,
  created_at timestamptz not null default now(),
  primary key (org_id, actor, key)
);

-- The demo's fleet clock survives a restart: it never runs backwards.
create table fleet_clock (
  only_row boolean primary key default true check (only_row),
  fleet_at timestamptz not null
);

-- What the workers do by the fleet clock; one row per task, leased like a poll.
create table timetable (
  task text primary key,
  due_at timestamptz not null,                              -- fleet clock
  leased_until timestamptz                                  -- wall clock
);

-- Weekly partitions (Monday to Monday, UTC), made ahead of time and by whoever needs one.
create function ensure_week(of timestamptz) returns void language plpgsql security definer set search_path = public as $$
declare
  monday timestamptz := date_trunc('week', of at time zone 'UTC') at time zone 'UTC';
  suffix text := to_char(monday at time zone 'UTC', 'IYYY"w"IW');
  parent text;
begin
  foreach parent in array array['telemetry', 'plan_steps'] loop
    if to_regclass(parent || '_' || suffix) is null then
      perform pg_advisory_xact_lock(hashtext(parent || suffix));
      execute format('create table if not exists %I partition of %I for values from (%L) to (%L)',
                     parent || '_' || suffix, parent, monday, monday + interval '7 days');
    end if;
  end loop;
end $$;

-- Row-level security. A transaction says whose rows it may see: set_config('heatfleet.org', '<uuid>', true),
-- or 'fleet' for the worker and for sign-in, which have no organisation yet. Nothing said = nothing seen.
create function in_scope(org uuid) returns boolean language sql stable as $$
  select case current_setting('heatfleet.org', true)
    when 'fleet' then true
    when '' then false
    else org = current_setting('heatfleet.org', true)::uuid end
$$;

do $$
declare name text;
begin
  foreach name in array array['clients', 'users', 'refresh_tokens', 'buildings', 'energy_contracts', 'connections',
    'heat_pumps', 'polls', 'telemetry', 'device_latest', 'energy_hours', 'thermal_models', 'plan_steps', 'baselines',
    'commands', 'onboarding_sessions', 'consents', 'cues', 'events', 'audit', 'idempotency_keys'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (in_scope(org_id)) with check (in_scope(org_id))', name);
  end loop;
  alter table organisations enable row level security;
  alter table organisations force row level security;
  create policy own_organisation on organisations using (in_scope(id)) with check (in_scope(id));
end $$;
