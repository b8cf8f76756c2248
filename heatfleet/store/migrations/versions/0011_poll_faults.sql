-- Why the last poll failed, for people who look into it; null once a poll has succeeded.

alter table polls
  add column fault_code text,
  add column fault_detail text;                             -- ours, without secrets, at most 200 characters
