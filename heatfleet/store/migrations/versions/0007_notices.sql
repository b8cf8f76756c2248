-- A notice is raised once, so the cues that are over are looked at too.
create index cues_of_pump on cues (heat_pump_id);
