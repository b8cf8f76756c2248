-- Why a quarter-hour is planned as it is, and what would be without us.

alter table plan_steps
  add column reason_detail jsonb,               -- instants and the side of a limit that the reason refers to
  add column cost_of_not_acting real,           -- currency, its share of what leaving its run of steps out would cost
  add column own_power_kw real,                 -- the same quarter-hour under the owner's own control
  add column own_indoor_temp_c real,
  add column own_dhw_temp_c real;

-- The newest plan of a pump as a whole, beside the owner's own control over the same time; currency and °C, modelled.
create table plan_outlooks (
  heat_pump_id uuid primary key references heat_pumps on delete cascade,
  org_id uuid not null,
  start_at timestamptz not null,
  end_at timestamptz not null,
  cost double precision not null,
  own_cost double precision not null,
  stored_worth double precision not null,       -- of heat left at the end beyond what the own control leaves
  indoor_mean_c double precision not null,
  own_indoor_mean_c double precision not null,
  warmth_cost double precision not null         -- of rooms kept warmer than the own control keeps them
);
alter table plan_outlooks enable row level security;
alter table plan_outlooks force row level security;
create policy own_organisation on plan_outlooks using (in_scope(org_id)) with check (in_scope(org_id));
