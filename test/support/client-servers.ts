// The servers that clients as people have them are tried with: PostgreSQL, OpenSSH, git over HTTPS and a Kubernetes API, each at a public
// address of this network that forwards to it; and what a gateway's configuration says of them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { API_TOKEN, fillCluster, startApiServer, type ApiServer } from './api-server.ts';
import { startForward } from './forward.ts';
import { GIT_SECRET, makeBareRepository, startGit } from './git-server.ts';
import { testAuthority } from './http-gateway.ts';
import { must } from './network.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import { startSshd, type SshServer } from './sshd.ts';
import type { CleanUp } from './temp.ts';

/** What the gateway's resolver is to tell. */
export const CLIENT_SERVER_NAMES: Readonly<Record<string, readonly string[]>> = {
  'db.internal.test': ['93.184.216.41'],
  'box.internal.test': ['93.184.216.42'],
  'git.internal.test': ['93.184.216.44'],
  'k8s.internal.test': ['93.184.216.45'],
};

export interface ClientServers {
  readonly postgres: PostgresServer;
  readonly sshd: SshServer;
  readonly api: ApiServer;
  /** Folder of the repositories; `app.git` is in it. */
  readonly repositories: string;
  /** Secrets that the configuration refers to. */
  readonly env: Readonly<Record<string, string>>;
}

/** Needs a network of its own. */
export async function startClientServers(t: CleanUp, folder: string): Promise<ClientServers> {
  const forward = async (name: string, port: number, to: number): Promise<void> => {
    for (const address of CLIENT_SERVER_NAMES[name] ?? []) {
      await startForward(t, address, port, to);
    }
  };
  for (const address of Object.values(CLIENT_SERVER_NAMES).flat()) {
    must('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  }
  const postgres = await startPostgres(t, { flavour: 'debian' });
  await forward('db.internal.test', 5432, postgres.port);
  const sshd = await startSshd(t);
  await forward('box.internal.test', 22, sshd.port);
  await forward('box.internal.test', 2222, sshd.port);
  const repositories = join(folder, 'repositories');
  mkdirSync(repositories);
  await makeBareRepository(folder, join(repositories, 'app.git'));
  const git = await startGit(t, repositories, 'git.internal.test');
  await forward('git.internal.test', 443, git.port);
  const api = await startApiServer(t, await testAuthority(), 'k8s.internal.test');
  await forward('k8s.internal.test', 6443, api.port);
  fillCluster(api.objects);
  const env = { DB: postgres.password, SSH_KEY: sshd.privateKey, GIT: GIT_SECRET, K8S: API_TOKEN };
  return { postgres, sshd, api, repositories, env };
}

/** Their endpoints, credentials (`db`, `box`, `git`, `prod`) and one rule that denies for each. `ca`: file of the authority of both TLS servers. */
export function clientServerBlocks(ca: string, boxes: readonly string[] = ['box.internal.test']): string {
  return `
defaults { unmatched = "allow" }
endpoint "postgres" "db" {
  host    = "db.internal.test:5432"
  sslmode = "disable"
}
endpoint "ssh" "box" { hosts = ${JSON.stringify(boxes)} }
endpoint "https" "git" {
  hosts   = ["git.internal.test"]
  ca_cert = "<<file:${ca}>>"
}
endpoint "kubernetes" "prod" {
  server  = "https://k8s.internal.test:6443"
  ca_cert = "<<file:${ca}>>"
}
credential "postgres_credential" "db" {
  endpoint = postgres.db
  user     = "postgres"
  secret { env = "DB" }
}
credential "ssh_key" "box" {
  endpoint = ssh.box
  secret "private_key" { env = "SSH_KEY" }
}
credential "basic_auth" "git" {
  endpoint = https.git
  username = "x-access-token"
  secret { env = "GIT" }
}
credential "bearer_token" "prod" {
  endpoint = kubernetes.prod
  secret { env = "K8S" }
}
rule "no-drops" {
  endpoint  = postgres.db
  condition = "sql.verb == 'drop'"
  verdict   = "deny"
}
rule "no-removal" {
  endpoint  = ssh.box
  condition = "'rm' in ssh.programs"
  verdict   = "deny"
}
rule "no-pushes-over-ssh" {
  endpoint  = ssh.box
  condition = "ssh.programs.exists(p, p == 'git-receive-pack')"
  verdict   = "deny"
}
rule "no-pushes" {
  endpoint  = https.git
  condition = "http.path.endsWith('/git-receive-pack')"
  verdict   = "deny"
}
rule "no-secrets" {
  endpoint  = kubernetes.prod
  condition = "k8s.resource == 'secrets'"
  verdict   = "deny"
  reason    = "secrets are not for agents"
}
`;
}
