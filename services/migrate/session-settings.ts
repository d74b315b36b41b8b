import type { SessionSettings } from '../../platform/postgres.js';

/**
 * A file means what it means in psql: names, dates and times are read as the database and the role have it. Timeouts stay
 * off, and rows that policies hide from the role are an error in what we ask ourselves.
 */
export const SESSION_SETTINGS: SessionSettings = {
  search_path: null,
  DateStyle: null,
  IntervalStyle: null,
  TimeZone: null,
  xmloption: null,
  bytea_output: null,
  default_transaction_isolation: null,
};
