// clawpatrol join: lets this machine into a gateway's tunnel. It makes its own key, shows a short code and the fingerprint of the gateway's CA,
// waits until an operator lets it in, and keeps what it needs for `clawpatrol run`.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { devicePaths, findPrivateKey, keepPrivateKey, readDevice, writeDevice } from '../client/device-files.ts';
import type { DevicePaths, DeviceRecord } from '../client/device-files.ts';
import { enrol } from '../client/enrol.ts';
import type { EnrolResult, JoinPrompt } from '../client/enrol.ts';
import { canonicalFingerprint, createGatewayLink, fetchCa, parseGatewayUrl } from '../client/gateway-link.ts';
import type { GatewayUrl } from '../client/gateway-link.ts';
import { LinkError } from '../client/link-answer.ts';
import { addTrust } from '../client/trust.ts';
import type { TrustResult } from '../client/trust.ts';
import { runCommand as runSystem } from '../devices/commands.ts';
import { createWireguardKeys, wireguardKeysOf } from '../devices/wireguard.ts';
import type { WireguardKeys } from '../devices/wireguard.ts';
import { messageOf } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';
import { visible } from '../lib/text.ts';
import { parseDurationMs } from '../lib/units.ts';
import { CliError, EXIT, flag, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';
import { clearMachine, confirmMachine, joinMachine, readMachineWish, resume } from './join-machine.ts';
import { askLine } from './prompt.ts';

async function join(call: Call): Promise<number> {
  const paths = devicePaths(call.io.env, textOption(call, 'caDir'));
  if (flag(call, 'confirm')) {
    return confirmMachine(call, paths);
  }
  if (flag(call, 'resume')) {
    return resume(call, paths);
  }
  const wish = readMachineWish(call);
  if (wish !== null) {
    await clearMachine(paths);
  }
  const record = wish !== null && call.operands[0] === undefined ? readDevice(paths) : null;
  if (record !== null && wish !== null) {
    return joinMachine(call, { paths, record, wish });
  }
  const joined = await enrolMachine(call, paths);
  const told = tellJoined(call, joined, { paths, isLast: wish === null });
  return wish === null ? told : joinMachine(call, { paths, record: joined, wish });
}

/** What a join brings, and whether the system trusts the gateway's certificates. */
type Joined = DeviceRecord & { readonly trust: TrustResult | null };

async function enrolMachine(call: Call, paths: DevicePaths): Promise<Joined> {
  const url = givenUrl(call);
  const timeoutMs = parseDurationMs(textOption(call, 'timeout') ?? '10m');
  if (timeoutMs === null) {
    throw new CliError('usage', EXIT.usage, '--timeout is a duration such as 10m');
  }
  const joinToken = await readJoinToken(call);
  try {
    const ca = await trustedCa(call, url);
    const keys = keysOf(paths);
    const result = await withInterruption(call.io, (signal) =>
      enrol({
        link: createGatewayLink(url, ca.pem),
        fingerprint: ca.fingerprint,
        publicKey: keys.publicKey,
        privateKey: new Secret(keys.privateKey),
        hostname: textOption(call, 'hostname') ?? hostname(),
        wish: textOption(call, 'profile') ?? '',
        joinToken,
        timeoutMs,
        now: () => call.io.now(),
        sleep: (delayMs) => call.io.sleep(delayMs),
        signal,
        prompt: (prompt) => call.io.stderr.write(promptText(prompt)),
      }),
    );
    if (result.kind !== 'enrolled') {
      throw new CliError('refused', EXIT.no, NOT_ENROLLED[result.kind]);
    }
    const { record, token } = result;
    writeDevice(paths, record, { caPem: ca.pem, token: new Secret(token), privateKey: new Secret(keys.privateKey) });
    const trust = call.options['trust'] === false ? null : await addTrust(ca.pem, runSystem);
    return { ...record, trust };
  } catch (error) {
    throw error instanceof LinkError
      ? new CliError('gateway', error.status === 0 ? EXIT.unreachable : EXIT.no, error.message)
      : error;
  }
}

/** The first Ctrl-C aborts what is waited for; another ends this program at once. */
async function withInterruption<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const release = (): void => releases.forEach((one) => one());
  const releases = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) =>
    io.onSignal(name, () => {
      interruption.abort();
      release();
    }),
  );
  try {
    return await work(interruption.signal);
  } finally {
    release();
  }
}

const NOT_ENROLLED: Readonly<Record<Exclude<EnrolResult['kind'], 'enrolled'>, string>> = {
  denied: 'an operator refused this machine',
  expired: 'nobody let this machine in in time; join again',
  withdrawn: 'another join of this machine has taken its place: its code counts, and this one is worth nothing',
  interrupted: 'interrupted: the request is taken back, and its code is worth nothing; join again for another',
};

function promptText({ userCode, url, fingerprint, replaced }: JoinPrompt): string {
  return [
    ...(replaced === null
      ? []
      : [
          `This machine waited already, with the code ${visible(replaced)}: that is withdrawn, and only this one counts.`,
        ]),
    'An operator must let this machine in:',
    `  code         ${visible(userCode)}`,
    `  by command   clawpatrol devices approve ${visible(userCode)}`,
    ...(url === null ? [] : [`  in a browser ${visible(url)}`]),
    `  gateway CA   ${fingerprint}`,
    'Waiting …',
    '',
  ].join('\n');
}

function givenUrl(call: Call): GatewayUrl {
  const written = call.operands[0] ?? '';
  if (written === '') {
    const fix =
      'clawpatrol join https://HOST:PORT#sha256=FINGERPRINT (`clawpatrol ca show` on the gateway prints the fingerprint)';
    throw new CliError('usage', EXIT.usage, `name the gateway: ${fix}`);
  }
  try {
    const url = parseGatewayUrl(written);
    const option = textOption(call, 'fingerprint');
    const fingerprint = option === null ? null : canonicalFingerprint(option);
    if (fingerprint !== null && url.fingerprint !== null && fingerprint !== url.fingerprint) {
      throw new LinkError(0, 'the URL and --fingerprint name different certificates');
    }
    return { ...url, fingerprint: fingerprint ?? url.fingerprint };
  } catch (error) {
    throw new CliError('usage', EXIT.usage, messageOf(error));
  }
}

/** The CA whose fingerprint was given, or that a person at the terminal says yes to. */
async function trustedCa(call: Call, url: GatewayUrl): Promise<{ readonly pem: string; readonly fingerprint: string }> {
  const ca = await fetchCa(url);
  if (url.fingerprint === null && url.protocol === 'https:') {
    const { io } = call;
    if (io.stdin.isTTY !== true) {
      const fix = `compare it with \`clawpatrol ca show\` on the gateway and write ${url.protocol}//${url.host}:${url.port}#sha256=${ca.fingerprint}`;
      throw new CliError(
        'usage',
        EXIT.usage,
        `the gateway shows a CA with the fingerprint ${ca.fingerprint}, which nobody has confirmed; ${fix}`,
      );
    }
    io.stderr.write(`The gateway's CA has the fingerprint\n  ${ca.fingerprint}\n`);
    const answer = await askLine(io, 'Is it what `clawpatrol ca show` says there? (yes/no) ');
    if (answer?.trim().toLowerCase() !== 'yes') {
      throw new CliError('refused', EXIT.no, 'not confirmed; nothing was changed');
    }
  }
  if (url.fingerprint !== null && url.fingerprint !== ca.fingerprint) {
    const message = `the gateway shows another CA (${ca.fingerprint}) than the one that was given (${url.fingerprint}): somebody may stand between; nothing was sent`;
    throw new CliError('refused', EXIT.no, message);
  }
  return ca;
}

/** A machine that joins again keeps its key, and with it its identity. */
function keysOf(paths: DevicePaths): WireguardKeys {
  const known = findPrivateKey(paths);
  if (known !== null) {
    return wireguardKeysOf(Buffer.from(known.reveal(), 'base64'));
  }
  const keys = createWireguardKeys();
  keepPrivateKey(paths, new Secret(keys.privateKey));
  return keys;
}

async function readJoinToken(call: Call): Promise<Secret | null> {
  const path = textOption(call, 'tokenFile');
  if (path === null) {
    return null;
  }
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError('usage', EXIT.usage, `--token-file cannot be read: ${messageOf(error)}`);
  });
  // Without a token a person would be asked, and waited for, where nobody sits.
  if (text.trim() === '') {
    const fix = '`clawpatrol devices token --profile PROFILE --expires 1h` prints a token';
    throw new CliError('usage', EXIT.usage, `--token-file ${path} is empty; ${fix}`);
  }
  return new Secret(text.trim());
}

/** With `isLast` false nothing more is said than people want to read: what follows has the last word. */
function tellJoined(
  call: Call,
  joined: Joined,
  { paths, isLast }: { readonly paths: DevicePaths; readonly isLast: boolean },
): number {
  if (call.out.json) {
    if (isLast) {
      call.out.object(joined);
    }
    return EXIT.ok;
  }
  call.out.line(`joined as ${visible(joined.device.name)} with profile ${visible(joined.device.profile)}`);
  call.out.line(`tunnel: ${paths.wireguardConfig}; certificates: ${paths.caDir}`);
  if (joined.trust !== null) {
    call.out.line(`trust: ${visible(joined.trust.detail)}`);
  }
  return EXIT.ok;
}

export const command: Verb = {
  name: 'join',
  summary: "let this machine into a gateway's tunnel",
  operands: [
    [
      '[url]',
      'https://HOST:PORT of the gateway, best with #sha256=FINGERPRINT of its CA; needed unless this machine has joined',
    ],
  ],
  options: [
    ['--fingerprint <sha256>', 'fingerprint of the CA, where the URL does not have it'],
    ['--hostname <name>', 'what to be called (default: the host name)'],
    ['--profile <name>', 'profile to ask for; the operator decides'],
    ['--token-file <file>', 'join token, for machines that nobody sits at'],
    ['--ca-dir <dir>', 'where certificates go (default: ~/.clawpatrol)'],
    ['--no-trust', 'leave the system’s certificates alone'],
    ['--timeout <duration>', 'how long to wait for an operator (default: 10m)'],
    ['--whole-machine', 'route everything of this machine through the tunnel (Linux, root)'],
    ['--rollback-after <duration>', 'undo that unless it is kept in time (default: 60s; 0s keeps it at once)'],
    ['--name <interface>', 'what the interface of --whole-machine is called (default: clawpatrol0)'],
    ['--direct <network>', 'a network that --whole-machine leaves alone, for example 192.168.0.0/16; may be repeated'],
    ['--confirm', 'keep what --whole-machine has made'],
    ['--resume', 'make anew what was kept, after a restart of the system'],
  ],
  repeatable: ['direct'],
  examples: ["join 'https://gateway.internal.example:8444#sha256=…'"],
  act: join,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  // Both names are in use; one is documented.
  const words = args.map((word) => (word === '--whole-host' ? '--whole-machine' : word));
  return runCommand(command, words, io);
}
