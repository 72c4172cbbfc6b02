// A real kube-apiserver with etcd and a stand-in for a kubelet, where scripts/kubernetes/build.sh has built them.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { runProgram, type ProgramResult } from './run.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

const BINARIES = process.env['CLAWPATROL_KUBERNETES'] ?? join(homedir(), '.cache', 'clawpatrol-kubernetes');
const PROGRAMS = ['kube-apiserver', 'kubectl', 'standin-kubelet', 'standin-informer', 'helm'];
const ADMIN = 'admin-of-the-test-cluster';
const ROBOT = 'robot-of-the-test-cluster';

export const KUBECTL: string = join(BINARIES, 'kubectl');
export const HELM: string = join(BINARIES, 'helm');
/** A shared informer of client-go. */
export const INFORMER: string = join(BINARIES, 'standin-informer');

/** Whether everything is there. */
export function hasCluster(): boolean {
  const etcd = ['/usr/bin/etcd', '/usr/local/bin/etcd'].some((path) => existsSync(path));
  return etcd && PROGRAMS.every((name) => existsSync(join(BINARIES, name)));
}

export interface Cluster {
  readonly server: string;
  readonly token: string;
  /** Of the API server's certificate. */
  readonly caPath: string;
  /** `robot`, as an administrator. */
  readonly robotToken: string;
  /** kubectl without the gateway. */
  direct(...args: readonly string[]): Promise<ProgramResult>;
}

export interface ClusterOptions {
  /** Signs client certificates; their subjects' common names are users. */
  readonly clientCaPem?: string;
}

/** Starts it, with a node `n1` and a running pod `p` in `default`. */
export async function startCluster(scope: CleanUp, { clientCaPem }: ClusterOptions = {}): Promise<Cluster> {
  const folder = temporaryFolder(scope, 'clawpatrol-k8s');
  const [client, peer, port, kubelet] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const start = (name: string, program: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${name}.log`), 'w');
    const child = spawn(program, [...args], { stdio: ['ignore', log, log] });
    closeSync(log);
    scope.after(async () => {
      child.kill('SIGKILL');
      await new Promise((resolve) =>
        child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(null),
      );
    });
  };
  const etcdUrl = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  start('etcd', 'etcd', [
    '--data-dir',
    join(folder, 'etcd'),
    '--listen-client-urls',
    etcdUrl,
    '--advertise-client-urls',
    etcdUrl,
    '--listen-peer-urls',
    peerUrl,
    '--initial-advertise-peer-urls',
    peerUrl,
    '--initial-cluster',
    `default=${peerUrl}`,
  ]);
  const key = join(folder, 'sa.key');
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'tokens.csv'), `${ADMIN},admin,1,"system:masters"\n${ROBOT},robot,2,"system:masters"\n`);
  const clientCa = join(folder, 'client-ca.pem');
  writeFileSync(clientCa, clientCaPem ?? '');
  start('kube-apiserver', join(BINARIES, 'kube-apiserver'), [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(folder, 'certs')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--disable-admission-plugins=ServiceAccount',
    ...(clientCaPem === undefined ? [] : [`--client-ca-file=${clientCa}`]),
  ]);
  start('kubelet', join(BINARIES, 'standin-kubelet'), [`127.0.0.1:${kubelet}`]);
  const server = `https://127.0.0.1:${port}`;
  const direct = (...args: readonly string[]): Promise<ProgramResult> =>
    runProgram(KUBECTL, [
      '--server',
      server,
      '--insecure-skip-tls-verify',
      '--token',
      ADMIN,
      '--cache-dir',
      join(folder, 'cache'),
      ...args,
    ]);
  await ready(direct, folder);
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubelet } },
  };
  const running = {
    phase: 'Running',
    containerStatuses: [{ name: 'c', ready: true, image: 'x', imageID: 'x', restartCount: 0, state: { running: {} } }],
  };
  const objects: readonly (readonly [string, object, object])[] = [
    ['node/n1', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }, status],
    [
      'pod/p',
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] },
      },
      running,
    ],
  ];
  for (const [name, object, state] of objects) {
    const file = join(folder, 'object.json');
    writeFileSync(file, JSON.stringify(object));
    await must(direct('create', '-f', file));
    await must(direct('patch', name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status: state })));
  }
  return { server, token: ADMIN, robotToken: ROBOT, caPath: join(folder, 'certs', 'apiserver.crt'), direct };
}

async function ready(direct: Cluster['direct'], folder: string): Promise<void> {
  for (let attempt = 0; attempt < 240; attempt += 1) {
    const { stdout } = await direct('get', '--raw', '/readyz');
    // The namespace that every cluster has is made after that.
    if (stdout.startsWith('ok') && (await direct('get', 'namespace', 'default')).code === 0) {
      return;
    }
    await sleep(500);
  }
  throw new Error(
    `the API server is not ready:\n${readFileSync(join(folder, 'kube-apiserver.log'), 'utf8').slice(-2000)}`,
  );
}

async function must(run: Promise<ProgramResult>): Promise<void> {
  const { code, stderr } = await run;
  if (code !== 0) {
    throw new Error(stderr);
  }
}
