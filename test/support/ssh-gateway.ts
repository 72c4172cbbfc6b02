// The real daemon before a real sshd, and OpenSSH's client that trusts the gateway's host key alone.
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { createSshClient, type SshClient, type SshServer } from './sshd.ts';
import type { CleanUp } from './temp.ts';

export interface SshGateway {
  readonly gateway: GatewayProcess;
  readonly client: SshClient;
}

export interface SshGatewayOptions {
  /** Rules: name → arguments of the block, one a line. */
  readonly rules?: Readonly<Record<string, string>>;
  /** Further lines of the endpoint. */
  readonly endpoint?: string;
  readonly unmatched?: 'risk' | 'allow' | 'deny';
  /** Further blocks. */
  readonly rest?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly credential?: string;
  readonly stateDir?: string;
}

/** An allowing rule. */
export function allow(condition: string): string {
  return `condition = ${JSON.stringify(condition)}\n  verdict = "allow"`;
}

export function deny(condition: string): string {
  return `condition = ${JSON.stringify(condition)}\n  verdict = "deny"`;
}

export function sshConfig(sshd: SshServer, options: SshGatewayOptions): string {
  const rules = Object.entries(options.rules ?? {}).map(
    ([name, text]) => `rule "${name}" {\n  endpoint = ssh.box\n  ${text}\n}`,
  );
  return `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "ssh" "box" {
  hosts     = ["127.0.0.1:${sshd.port}"]
  listen    = "127.0.0.1:0"
  unmatched = "${options.unmatched ?? 'deny'}"
  ${options.endpoint ?? ''}
}
credential "ssh_key" "box" {
  endpoint = ssh.box
  ${options.credential ?? 'secret "private_key" { env = "SSH_KEY" }'}
}
profile "default" { credentials = [ssh_key.box] }
${rules.join('\n')}
${options.rest ?? ''}
`;
}

export async function startSshGateway(
  cleanUp: CleanUp,
  sshd: SshServer,
  options: SshGatewayOptions = {},
): Promise<SshGateway> {
  const gateway = await startGateway(cleanUp, {
    config: sshConfig(sshd, options),
    env: { SSH_KEY: sshd.privateKey, ...options.env },
    ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
  });
  const port = gateway.port('ssh.box');
  const knownHosts = gateway.cli('known-hosts', 'ssh.box').stdout;
  const client = createSshClient(cleanUp, { port, user: sshd.user, knownHosts });
  return { gateway, client };
}
