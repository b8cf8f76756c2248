-- Telemetry that stays small and fast: roll-ups, compacted weeks, retention.
select 1;
