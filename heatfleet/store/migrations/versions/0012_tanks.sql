-- Hot water by the tank's temperature, which nobody knows beforehand.

alter table plan_steps
  add column charge_below_c real,               -- a tank at most this warm is charged now
  add column hold_c real,                       -- setpoint that puts the pump's own charge off
  add column is_tank_planned boolean not null default false;  -- false: charged where hot_water says so
