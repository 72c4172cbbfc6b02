// How a machine's client says what it knows to do. A gateway that counts on something which clients have to do for it refuses those that do
// not say that they do it: an older client would join and run without what keeps its agents in.

/** The header in which a client says its level. */
export const CLIENT_LEVEL_HEADER = 'clawpatrol-client';

/** What this version's client does; one more whenever a gateway has to count on something new. */
export const CLIENT_LEVEL = 2;

/** The level that a header's value says; 0 when it says none. */
export function parseClientLevel(value: string | readonly string[] | undefined): number {
  return typeof value === 'string' && /^[0-9]{1,6}$/.test(value) ? Number(value) : 0;
}
