/**
 * Identifies the server, so that a failover is noticed: a standby that is promoted has a new timeline, and a restored copy another
 * system identifier. Both functions may be called by any role.
 */
export const identitySql =
  "(select system_identifier from pg_control_system())::text || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8)";
