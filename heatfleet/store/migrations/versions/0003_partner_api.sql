-- The Partner API: what accounts, access and contracts need beyond the first walk.

-- Access: access tokens that are refused before they expire. A token names its subject (user:ID, client:ID), its
-- session (session:ID) and the version its subject had; a row refuses those with a lower version.
create table revocations (
  subject text primary key,
  org_id uuid not null references organisations on delete cascade,
  below_version int not null,
  revoked_at timestamptz not null
);
create index on revocations (org_id);
alter table revocations enable row level security;
alter table revocations force row level security;
create policy own_organisation on revocations using (in_scope(org_id)) with check (in_scope(org_id));

alter table users add column token_version int not null default 0;  -- moves with role, password and deletion
create index on refresh_tokens (org_id, user_id);
create index on refresh_tokens (client_id) where client_id is not null;

alter table organisations add column version int not null default 1;
alter table organisations alter column hold_out_share type double precision
  using hold_out_share::numeric::double precision;

create index on audit (org_id, object_id, id);
