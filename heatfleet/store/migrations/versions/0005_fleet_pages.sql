-- Pages of large fleets. Row-level security lets only leakproof conditions use an index, and lower() is not leakproof:
-- so the lower-case texts are columns of their own, and "C" makes them searchable by their beginning.

alter table users
  add column email_key text collate "C" generated always as (lower(email)) stored,
  add column first_name_key text collate "C" generated always as (lower(first_name)) stored,
  add column last_name_key text collate "C" generated always as (lower(last_name)) stored,
  add column external_user_id_key text collate "C" generated always as (lower(external_user_id)) stored;
create index users_email_key on users (org_id, email_key);
create index users_first_name_key on users (org_id, first_name_key);
create index users_last_name_key on users (org_id, last_name_key);
create index users_external_user_id_key on users (org_id, external_user_id_key);

-- One index per filter of the fleet list, in the order of its pages.
create index heat_pumps_price_zone on heat_pumps (org_id, price_zone, id) where deleted_at is null;
create index heat_pumps_connection_status on heat_pumps (org_id, connection_status, id) where deleted_at is null;
create index heat_pumps_steering_status on heat_pumps (org_id, steering_status, id) where deleted_at is null;
create index heat_pumps_lifecycle on heat_pumps (org_id, lifecycle_state, id) where deleted_at is null;
create index heat_pumps_model on heat_pumps (org_id, device_model_id, id) where deleted_at is null;
create index heat_pumps_optimised on heat_pumps (org_id, is_smart_optimization_active, id) where deleted_at is null;
