// One gateway has an interface of a network. The interface's mark says that a gateway made it, not whether that gateway still runs: two with
// state directories of their own would each take it for the other's remains, and delete it in turn.
import { createServer } from 'node:net';
import { GatewayError, hasCode, messageOf } from '../../lib/errors.ts';

/** What lets go of it. The system does that when the process ends, however it ends. */
export type InterfaceClaim = () => void;

/**
 * Claims the interface in this network namespace: an abstract socket's name belongs to one, as an interface's does. Rejects with GatewayError
 * TUNNEL_FAILED while another process has it.
 */
export function claimInterface(interfaceName: string): Promise<InterfaceClaim> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => void socket.destroy());
    server.unref();
    server.once('error', (error) => {
      const isTaken = hasCode(error, 'EADDRINUSE');
      const message = isTaken
        ? `another gateway in this network has the interface ${interfaceName}; stop it, or give this one a wireguard { interface, subnet_cidr, listen_port } of its own`
        : `the interface ${interfaceName} cannot be claimed: ${messageOf(error)}`;
      reject(new GatewayError('TUNNEL_FAILED', 'operator', message, { cause: error }));
    });
    server.listen(`\0clawpatrol/interface/${interfaceName}`, () => resolve(() => void server.close()));
  });
}
