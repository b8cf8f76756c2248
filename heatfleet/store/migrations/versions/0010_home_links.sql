-- The owner's own page: links name the version they were made for, and only the newest is good.

alter table heat_pumps add column home_link_version int not null default 1;
