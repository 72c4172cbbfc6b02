// clawpatrol profiles: what each profile may wield, as the running gateway has it.
import type { ProfileJson } from '../client/control-shapes.ts';
import { visible } from '../lib/text.ts';
import { EXIT, runCommand } from './command.ts';
import type { Call, Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';
import { align } from './printer.ts';

function joined(names: readonly string[]): string {
  return names.length === 0 ? '-' : names.join(',');
}

async function list(call: Call): Promise<number> {
  const page = await (await connect(call)).profiles.list();
  if (call.out.json) {
    call.out.object(page);
  } else {
    call.out.table(
      ['NAME', 'CREDENTIALS', 'ENDPOINTS', 'DEVICES'],
      page.items.map(({ name, credentials, endpoints, devices }) => [
        name,
        joined(credentials),
        joined(endpoints),
        joined(devices),
      ]),
    );
  }
  return EXIT.ok;
}

async function show(call: Call): Promise<number> {
  const profile = await (await connect(call)).profiles.show(call.operands[0] ?? '');
  if (call.out.json) {
    call.out.object(profile);
  } else {
    profileLines(profile).forEach((text) => call.out.line(visible(text)));
  }
  return EXIT.ok;
}

function profileLines(profile: ProfileJson): string[] {
  const rows: [string, readonly string[]][] = [
    ['profile', [profile.name]],
    ['description', profile.description === '' ? [] : [profile.description]],
    ['credentials', profile.credentials],
    ['endpoints', profile.endpoints],
    ['rules', profile.rules],
    ['devices', profile.devices],
    ['context', profile.context === null ? [] : [profile.context]],
    ['agents', profile.agent_family === null ? [] : [profile.agent_family]],
  ];
  return align(rows.filter(([, values]) => values.length > 0).map(([name, values]) => [name, values.join(', ')]));
}

export const command: Noun = {
  name: 'profiles',
  summary: 'what each profile may wield',
  verbs: [
    { name: 'list', summary: 'all profiles, one a line', options: GATEWAY_OPTIONS, act: list },
    {
      name: 'show',
      summary: 'one profile with its rules in the order in which they are walked',
      operands: [['<name>', 'name of the profile']],
      options: GATEWAY_OPTIONS,
      act: show,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
