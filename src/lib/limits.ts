// Caps that no configuration changes, each with its reason. Configurable ones live in config/ (`limits {}`).

/** A Postgres startup packet: the server's own MAX_STARTUP_PACKET_LENGTH. */
export const MAX_STARTUP_BYTES = 10_000;
/** Any client message whose content is not data, query text or parameters: the server's PQ_SMALL_MESSAGE_LIMIT. */
export const MAX_SMALL_MESSAGE_BYTES = 10_000;
/** The server's PQ_LARGE_MESSAGE_LIMIT: no frame is longer than this. */
export const MAX_LARGE_MESSAGE_BYTES = 0x3fff_ffff;
/** What is read from a client while one of its actions is parked: enough to notice a close, not more. */
export const MAX_PARKED_BUFFER_BYTES = 256 * 1024;
/** Texts above this are analysed in a worker, so that one connection cannot stall the others: the worst cost about 5 µs a byte. */
export const MAX_INLINE_ANALYSIS_BYTES = 8 * 1024;
/** Longer texts have no fingerprint, and no shape that others could share. */
export const MAX_SHAPED_BYTES = 32 * 1024;
/** One line shown to a person as an action's summary. */
export const MAX_SUMMARY_CHARS = 200;
/** A statement's text that is held whole for judging, however small `limits.body_buffer` is: longer ones are refused, not cut. */
export const MAX_STATEMENT_BYTES = 16 * 1024 * 1024;
