// What an operator may do at all: each role may do what the ones before it may. Pure.

export const ROLES = ['viewer', 'approver', 'admin'] as const;

/** `viewer` looks, `approver` also decides and quarantines, `admin` also changes the gateway and who its operators are. */
export type Role = (typeof ROLES)[number];

/** Whether `role` may do what takes `needed`. */
export function mayDo(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export function findRole(text: string): Role | null {
  return ROLES.find((role) => role === text) ?? null;
}
