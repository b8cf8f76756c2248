-- Gateways in homes: how they are paired, what they last told, what they are told to do. Of code, token and secret
-- only the SHA-256 is kept. Instants are the wall clock's, but those inside a device's readings, which are the fleet's.

create table gateways (
  id uuid primary key,
  org_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  code_sha256 bytea unique,                     -- pairs the agent and is claimed by the driver, until it expires
  code_expires_at timestamptz,
  token_sha256 bytea unique,                    -- the agent's; null = not paired yet
  grant_sha256 bytea unique,                    -- the driver's; null = not claimed yet
  carrier text not null default 'websocket' check (carrier in ('websocket', 'mqtt')),
  session_id uuid,                              -- the one connection that counts; an older one has to go
  online_until timestamptz,                     -- moved on by whatever it sends
  created_at timestamptz not null,
  paired_at timestamptz,
  claimed_at timestamptz,
  revoked_at timestamptz
);
create index on gateways (org_id);
create index on gateways (user_id);
create index on gateways (code_expires_at) where paired_at is null;

create table gateway_devices (
  gateway_id uuid not null references gateways on delete cascade,
  device_id text not null check (length(device_id) between 1 and 100),
  org_id uuid not null references organisations on delete cascade,
  profile jsonb not null,
  readings jsonb not null default '{}',         -- channel → instant (fleet clock), value
  told_at timestamptz not null,
  primary key (gateway_id, device_id)
);
create index on gateway_devices (org_id);
alter table gateway_devices set (fillfactor = 50);

create table gateway_commands (
  id uuid primary key,                          -- grows with time: a gateway refuses one that is not newer
  gateway_id uuid not null references gateways on delete cascade,
  org_id uuid not null references organisations on delete cascade,
  device_id text not null,
  writes jsonb not null,
  ttl_s double precision not null check (ttl_s > 0),
  issued_at timestamptz not null,
  sent_at timestamptz,                          -- null = waits for the process that holds the gateway's connection
  status text,                                  -- what the gateway said became of it
  detail text not null default '',
  acked_at timestamptz
);
create index on gateway_commands (gateway_id, issued_at);
create index on gateway_commands (gateway_id) where sent_at is null;
create index on gateway_commands (org_id);

do $$
declare name text;
begin
  foreach name in array array['gateways', 'gateway_devices', 'gateway_commands'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (in_scope(org_id)) with check (in_scope(org_id))', name);
  end loop;
end $$;
