// What a kubeconfig, or the service account of the pod that the gateway runs in, proves itself with: token, name and password, or client
// certificate. Read by the Kubernetes client library, which is loaded only here; credential plugins run as every command of ours does.
import type { RequestOptions } from 'node:https';
import type { KubeConfig, User } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import { runForSecret } from './command.ts';
import type { Made } from './renewing.ts';

export interface KubeconfigParts {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface KubeconfigSource {
  /** Text of the file; null: the pod's own service account. */
  readonly text: Secret | null;
  /** Null: the current one. */
  readonly context: string | null;
}

type Slots = ReadonlyMap<string, Secret>;

const PLUGIN_TIMEOUT_MS = 15_000;
const PLUGIN_BYTES = 256 * 1024;
/** Files that are named may change: what was read from them holds this long. */
const READ_LIFE_MS = 60_000;
/** A plugin that names no expiry. */
const PLUGIN_LIFE_MS = 10 * 60_000;

/** Loads the library, which takes about a second, before anything waits for it. */
export async function loadKubernetesClient(): Promise<void> {
  await import('@kubernetes/client-node');
}

/**
 * The user's secrets under the slots `access_token`, `username`, `password`, `cert`, `key`, and the cluster's `ca`. Rejects with an Error
 * whose message holds no part of the file.
 */
export async function readKubeconfig(source: KubeconfigSource, parts: KubeconfigParts): Promise<Made<Slots>> {
  const { KubeConfig: Reader } = await import('@kubernetes/client-node');
  const config = new Reader();
  load(config, source);
  const user = config.getCurrentUser();
  if (user === null) {
    throw new Error(`it has no user for the context ${source.context ?? 'that is current'}`);
  }
  if (typeof user.impersonateUser === 'string' && user.impersonateUser !== '') {
    throw new Error('its user acts in the name of another (impersonation), which agents would do through it');
  }
  return user.exec === undefined || user.exec === null ? readUser(config, user) : runPlugin(config, user, parts);
}

function load(config: KubeConfig, { text, context }: KubeconfigSource): void {
  try {
    if (text === null) {
      config.loadFromCluster();
    } else {
      config.loadFromString(text.reveal());
    }
  } catch {
    throw new Error('it is not a kubeconfig');
  }
  if (context !== null) {
    if (config.getContextObject(context) === null) {
      throw new Error(`it has no context ${context}`);
    }
    config.setCurrentContext(context);
  }
}

async function readUser(config: KubeConfig, user: User): Promise<Made<Slots>> {
  const provider: unknown = Reflect.get(Object(user.authProvider), 'name');
  if (typeof provider === 'string' && provider !== 'tokenFile') {
    throw new Error(
      `its user logs in by the auth-provider ${provider}, which kubectl no longer has; use a credential plugin`,
    );
  }
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch {
    throw new Error('a file that it names cannot be read');
  }
  const slots = new Map<string, Secret>();
  const authorization: unknown = Reflect.get(Object(options.headers), 'Authorization');
  const token = typeof authorization === 'string' ? authorization.replace(/^Bearer /, '').trim() : '';
  put(slots, 'access_token', token);
  if (typeof user.username === 'string' && user.username !== '') {
    put(slots, 'username', user.username);
    put(slots, 'password', user.password ?? '');
  }
  putPem(slots, 'cert', options.cert);
  putPem(slots, 'key', options.key);
  putPem(slots, 'ca', options.ca);
  return { value: slots, lifeMs: READ_LIFE_MS };
}

function put(slots: Map<string, Secret>, slot: string, text: string): void {
  if (text !== '') {
    slots.set(slot, new Secret(text));
  }
}

function putPem(slots: Map<string, Secret>, slot: string, pem: unknown): void {
  if (typeof pem === 'string' || Buffer.isBuffer(pem)) {
    put(slots, slot, pem.toString('utf8'));
  }
}

/** Runs a credential plugin (Kubernetes, "client-go credential plugins"). */
async function runPlugin(config: KubeConfig, user: User, { clock, env }: KubeconfigParts): Promise<Made<Slots>> {
  const exec = readExec(user.exec);
  const info = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(exec.wantsCluster ? { cluster: { server: config.getCurrentCluster()?.server } } : {}),
    },
  };
  const result = await runForSecret(
    {
      argv: [exec.command, ...exec.args],
      passEnv: [...exec.env.keys(), 'KUBERNETES_EXEC_INFO'],
      timeoutMs: PLUGIN_TIMEOUT_MS,
    },
    {
      env: { ...env, ...Object.fromEntries(exec.env), KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      clock,
      maxBytes: PLUGIN_BYTES,
    },
  );
  if (result.kind === 'failed') {
    throw new Error(`its credential plugin ${exec.command} ${result.why}`);
  }
  const status = parseStatus(result.output.toString('utf8'));
  if (status === null) {
    throw new Error(`its credential plugin ${exec.command} did not print an ExecCredential`);
  }
  const slots = new Map<string, Secret>();
  put(slots, 'access_token', textOf(status, 'token'));
  put(slots, 'cert', textOf(status, 'clientCertificateData'));
  put(slots, 'key', textOf(status, 'clientKeyData'));
  const options: RequestOptions = {};
  // Only for the cluster's CA: the plugin itself is not run again.
  await withoutExec(config, user).applyToHTTPSOptions(options);
  putPem(slots, 'ca', options.ca);
  const expires = Date.parse(textOf(status, 'expirationTimestamp'));
  return { value: slots, lifeMs: Number.isNaN(expires) ? PLUGIN_LIFE_MS : Math.max(0, expires - clock.now()) };
}

function withoutExec(config: KubeConfig, user: User): KubeConfig {
  Reflect.deleteProperty(user, 'exec');
  return config;
}

interface Exec {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly wantsCluster: boolean;
}

function readExec(value: unknown): Exec {
  const command = textOf(value, 'command');
  if (command === '') {
    throw new Error('its credential plugin names no command');
  }
  const args: unknown = Reflect.get(Object(value), 'args');
  const env: unknown = Reflect.get(Object(value), 'env');
  return {
    apiVersion: textOf(value, 'apiVersion'),
    command,
    args: Array.isArray(args) ? args.filter((one): one is string => typeof one === 'string') : [],
    env: new Map(Array.isArray(env) ? env.map((one) => [textOf(one, 'name'), textOf(one, 'value')] as const) : []),
    wantsCluster: Reflect.get(Object(value), 'provideClusterInfo') === true,
  };
}

function textOf(value: unknown, name: string): string {
  const found: unknown = Reflect.get(Object(value), name);
  return typeof found === 'string' ? found : '';
}

function parseStatus(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const status: unknown = Reflect.get(Object(value), 'status');
    return textOf(value, 'kind') === 'ExecCredential' && typeof status === 'object' ? status : null;
  } catch {
    return null;
  }
}
