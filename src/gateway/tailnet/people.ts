// Who calls the dashboard over the tailnet: the login of the node's owner, for those whom `operators` names. A node that has a profile is an
// agent's: its owner's rights are not its own.
import type { Live } from '../live.ts';
import type { Nodes } from './nodes.ts';
import { matchesLogin } from './values.ts';

export interface TailnetPeople {
  /** Asks who has that address, where that is not known. Never rejects; null: nothing has to be asked. */
  meet(ip: string, port: number): Promise<void> | null;
  /** Whether an address is one of the tailnet that may not even ask: an agent's, or one of nobody. */
  isShut(ip: string): boolean;
  /** The login of an operator, or null. */
  operatorAt(ip: string): string | null;
}

export interface PeopleParts {
  readonly live: () => Live;
  readonly nodes: Pick<Nodes, 'meet' | 'find' | 'isAgent'>;
  readonly isInside: (ip: string) => boolean;
  /** The gateway's own addresses in the tailnet. */
  readonly own: () => readonly string[];
}

export function createPeople({ live, nodes, isInside, own }: PeopleParts): TailnetPeople {
  // Programs on this host that call their own address are nobody's node.
  const isNode = (ip: string): boolean => isInside(ip) && !own().includes(ip);
  return {
    meet: (ip, port) => (isNode(ip) ? nodes.meet(ip, port) : null),
    isShut(ip) {
      const node = isNode(ip) ? nodes.find(ip) : null;
      return isNode(ip) && (node === null || nodes.isAgent(node));
    },
    operatorAt(ip) {
      const node = isNode(ip) ? nodes.find(ip) : null;
      if (node === null || node.user === '' || nodes.isAgent(node)) {
        return null;
      }
      const entries = live().config.gateway.tailscale?.['operators'];
      const isNamed =
        Array.isArray(entries) && entries.some((entry) => typeof entry === 'string' && matchesLogin(entry, node.user));
      return isNamed ? node.user : null;
    },
  };
}
