// How long an agent may take (notes H10). There is no limit on a stream as a whole: whatever moves may go on.

/** From the first byte of a head to its last; absolute, not per byte (TR-10). */
export const HEAD_MS = 10_000;
/** Between requests. */
export const IDLE_MS = 60_000;
/** For every `BODY_STEP_BYTES` of a body that somebody waits for. */
export const BODY_MS = 30_000;
export const BODY_STEP_BYTES = 64 * 1024;
/** How long a client that has ended its direction is waited with for the next byte of its answer: most of them are simply gone. */
export const HALF_CLOSED_MS = 10_000;
/** What a client may still send after its answer, so that closing does not reset the answer away (HX-04). */
export const LINGER_MS = 2_000;
/** Clients that send all of an upload before they read are told why it was refused (HX-04); what is dropped costs no memory. */
export const LINGER_BYTES = 64 * 1024 * 1024;
