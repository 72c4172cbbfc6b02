// clawpatrol devices: machines that come through the tunnel: who waits to be let in, who is in, who is shut out.
import type { DeviceJson } from '../client/control-shapes.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';
import { align } from './printer.ts';

const DEVICE = [['<device>', 'name, id, or the first 8 characters of the id']] as const;
const CODE = [['<code>', 'what `clawpatrol join` shows, for example BCDF-GHJK']] as const;

async function list(call: Call): Promise<number> {
  const page = await (await connect(call)).devices.list(call.options['all'] === true);
  if (call.out.json) {
    call.out.object(page);
    return EXIT.ok;
  }
  call.out.table(
    ['NAME', 'ID', 'PROFILE', 'ADDRESS', 'LAST HEARD', 'RUNS', 'STATE'],
    page.items.map((device) => [
      device.name,
      device.id.slice(0, 8),
      device.profile,
      device.addresses[0] ?? '-',
      device.last_heard ?? '-',
      String(device.runs.length),
      device.revoked === null ? 'in' : 'revoked',
    ]),
  );
  for (const { code, hostname, ip, wish } of page.waiting) {
    const asked = wish === '' ? '' : `, asks for profile ${visible(wish)}`;
    call.out.line(`waiting: ${code} ${visible(hostname)} from ${ip}${asked}; clawpatrol devices approve ${code}`);
  }
  return EXIT.ok;
}

async function show(call: Call): Promise<number> {
  const device = await (await connect(call)).devices.show(call.operands[0] ?? '');
  return tell(call, device, deviceLines(device));
}

async function approve(call: Call): Promise<number> {
  const control = await connect(call);
  const { fingerprint } = await control.ca.show();
  const optional = { profile: textOption(call, 'profile'), name: textOption(call, 'name') };
  const given = Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== null);
  const device = await control.devices.approve(call.operands[0] ?? '', Object.fromEntries(given));
  return tell(call, device, [
    `let in: ${device.name} (${device.id}) with profile ${device.profile}`,
    `CA fingerprint (the machine must show the same): ${fingerprint}`,
  ]);
}

async function deny(call: Call): Promise<number> {
  const [code = ''] = call.operands;
  await (await connect(call)).devices.deny(code);
  return tell(call, { code }, [`refused ${code}`]);
}

async function revoke(call: Call): Promise<number> {
  const device = await (await connect(call)).devices.revoke(call.operands[0] ?? '');
  return tell(call, device, [
    `revoked ${device.name} (${device.id}); its connections are over, and a join token that it came with lets nobody in`,
  ]);
}

async function rename(call: Call): Promise<number> {
  const [id = '', name = ''] = call.operands;
  const device = await (await connect(call)).devices.change(id, { name });
  return tell(call, device, [`${device.id} is now ${device.name}`]);
}

async function setProfile(call: Call): Promise<number> {
  const [id = '', profile = ''] = call.operands;
  const device = await (await connect(call)).devices.change(id, { profile });
  return tell(call, device, [`${device.name} now has profile ${device.profile}`]);
}

async function token(call: Call): Promise<number> {
  const [profile, expires] = [textOption(call, 'profile'), textOption(call, 'expires')];
  if (profile === null || expires === null) {
    throw new CliError('usage', EXIT.usage, '--profile and --expires are needed: under what, and until when');
  }
  const made = await (
    await connect(call)
  ).devices.makeToken({ profile, expires, uses: textOption(call, 'uses') ?? '1' });
  return tell(call, made, [made.token]);
}

function tell(call: Call, object: object, lines: readonly string[]): number {
  if (call.out.json) {
    call.out.object(object);
  } else {
    lines.forEach((line) => call.out.line(line));
  }
  return EXIT.ok;
}

function deviceLines(device: DeviceJson): readonly string[] {
  const rows: readonly (readonly [string, string])[] = [
    ['device', device.name],
    ['id', device.id],
    ['profile', device.profile],
    ['let in by', device.user],
    ['enrolled', device.enrolled],
    ['revoked', device.revoked ?? ''],
    ['last heard', device.last_heard ?? ''],
    ['addresses', device.addresses.join(', ')],
    ['public key', device.public_key],
    ['node', device.node],
    ...device.runs.map(({ id, started, label }) => ['run', `${id} since ${started} ${visible(label)}`] as const),
  ];
  return align(rows.filter(([, value]) => value !== '').map(([name, value]) => [name, value]));
}

export const command: Noun = {
  name: 'devices',
  summary: 'machines that come through the tunnel',
  verbs: [
    {
      name: 'list',
      summary: 'devices, one a line, and who waits to be let in',
      options: [['--all', 'revoked ones too'], ...GATEWAY_OPTIONS],
      act: list,
    },
    { name: 'show', summary: 'one device with its runs', operands: DEVICE, options: GATEWAY_OPTIONS, act: show },
    {
      name: 'approve',
      summary: 'let a machine in; shows the CA fingerprint that it must show too',
      operands: CODE,
      options: [
        ['--profile <name>', 'what it may wield; needed unless there is one profile'],
        ['--name <name>', 'what it is called; else after its host name'],
        ...GATEWAY_OPTIONS,
      ],
      act: approve,
    },
    { name: 'deny', summary: 'refuse a machine that waits', operands: CODE, options: GATEWAY_OPTIONS, act: deny },
    {
      name: 'revoke',
      summary: 'shut a device out for good; its connections end at once',
      operands: DEVICE,
      options: GATEWAY_OPTIONS,
      act: revoke,
    },
    {
      name: 'rename',
      summary: 'give a device another name',
      operands: [...DEVICE, ['<name>', 'the new name']],
      options: GATEWAY_OPTIONS,
      act: rename,
    },
    {
      name: 'set-profile',
      summary: 'give a device another profile; connections that it may no longer have end',
      operands: [...DEVICE, ['<profile>', 'name of the profile']],
      options: GATEWAY_OPTIONS,
      act: setProfile,
    },
    {
      name: 'token',
      summary: 'print a join token, once, for machines that nobody sits at',
      options: [
        ['--profile <name>', 'what they may wield'],
        ['--uses <n>', 'how many machines it lets in (default: 1)'],
        ['--expires <duration>', 'how long it works, such as 24h'],
        ...GATEWAY_OPTIONS,
      ],
      act: token,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
