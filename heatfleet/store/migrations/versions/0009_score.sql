-- The optimisation score: what each day cost, what it would have cost without us, and what it could have cost.

create table score_days (
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  org_id uuid not null,
  day date not null,                            -- local day of the pump's price zone
  own_cost double precision not null,           -- currency, as are the others: electricity less the heat left stored
  realised_cost double precision not null,
  best_cost double precision not null,          -- by a plan made afterwards
  known_share double precision not null,        -- of the quarter-hours in which it is known what was done
  primary key (heat_pump_id, day)
);
create index on score_days (day);
alter table score_days enable row level security;
alter table score_days force row level security;
create policy own_organisation on score_days using (in_scope(org_id)) with check (in_scope(org_id));

alter table device_latest add column optimization_score real;  -- 0..100 over the last 7 days, null = cannot be told

-- What a kilowatt-hour emits, as far as somebody has imported it, and what that is worth to an organisation.
create table carbon (
  zone text not null,
  start_at timestamptz not null,
  g_per_kwh double precision not null,
  source text not null,
  fetched_at timestamptz not null default now(),
  primary key (zone, start_at)
);
alter table organisations add column carbon_price_per_kg double precision not null default 0;  -- currency

-- Limits of the grid (§14a EnWG): what a group of heat pumps may draw, what each may, and what they did.
create table grid_limits (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  limit_w int not null,                         -- as asked for, of all together
  effective_w int not null,                     -- with the floor of each connection
  starts_at timestamptz not null,               -- fleet clock, as is ends_at
  ends_at timestamptz not null,
  created_by text not null,
  created_at timestamptz not null,
  ended_at timestamptz                          -- taken back before its end, wall clock
);
create index on grid_limits (org_id, id);

create table grid_limit_shares (
  limit_id uuid not null references grid_limits on delete cascade,
  org_id uuid not null,
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  connection int not null,                      -- heat pumps of one number are behind one grid connection
  least_w int not null,                         -- what the connection must be left
  connection_w int not null,                    -- what it may draw
  limit_w int not null,                         -- of that, this heat pump
  starts_at timestamptz not null,
  ends_at timestamptz not null,                 -- the limit's, or when it was taken back
  primary key (limit_id, heat_pump_id)
);
create index on grid_limit_shares (heat_pump_id, ends_at);
create index on grid_limit_shares (ends_at);

create table grid_limit_evidence (
  limit_id uuid not null references grid_limits on delete cascade,
  org_id uuid not null,
  heat_pump_id uuid not null references heat_pumps on delete cascade,
  at timestamptz not null,                      -- fleet clock, every quarter-hour
  limit_w int not null,
  power_w int,                                  -- as last read
  read_at timestamptz,
  state text,                                   -- steering state in force
  primary key (limit_id, heat_pump_id, at)
);
create index on grid_limit_evidence (heat_pump_id, at);

do $$
declare name text;
begin
  foreach name in array array['grid_limits', 'grid_limit_shares', 'grid_limit_evidence'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (in_scope(org_id)) with check (in_scope(org_id))', name);
  end loop;
end $$;
