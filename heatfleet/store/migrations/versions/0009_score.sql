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
