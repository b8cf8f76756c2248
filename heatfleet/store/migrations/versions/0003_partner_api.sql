-- The Partner API: what accounts, access and contracts need beyond the first walk.
select 1;
