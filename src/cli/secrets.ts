// clawpatrol secrets: the encrypted store of credential values. A value comes from standard input or a hidden prompt,
// never from the command line, where `ps` and the shell's history would show it.
import { Secret } from '../lib/secret.ts';
import { CliError, EXIT, runCommand } from './command.ts';
import type { Call, Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import { readAll } from './io.ts';
import type { Io } from './io.ts';
import { askHidden } from './prompt.ts';

/** Longest value that a credential may have (config reference 2.6). */
const MAX_SECRET_BYTES = 64 * 1024;

const NAME_OPERANDS = [
  ['<name>', 'name of the credential, or of a `secret { store = … }`'],
  ['[slot]', 'slot of the credential; left out for the unnamed one'],
] as const;

async function set(call: Call): Promise<number> {
  const [name = '', slot = ''] = call.operands;
  const value = await readValue(call, slot === '' ? name : `${name} ${slot}`);
  await (await connect(call)).secrets.set(name, slot, value);
  return done(call, 'stored', name, slot);
}

async function readValue(call: Call, title: string): Promise<Secret> {
  const { io } = call;
  const text =
    io.stdin.isTTY === true
      ? await askHidden(io, `Value of ${title} (not shown): `)
      : (await readAll(io.stdin, MAX_SECRET_BYTES + 2)).toString('utf8').replace(/\r?\n$/, '');
  if (text === null || text === '') {
    throw new CliError('usage', EXIT.usage, 'a secret has at least one byte; nothing was stored');
  }
  if (Buffer.byteLength(text) > MAX_SECRET_BYTES) {
    throw new CliError('usage', EXIT.usage, `a secret has at most ${MAX_SECRET_BYTES} bytes; nothing was stored`);
  }
  return new Secret(text);
}

async function list(call: Call): Promise<number> {
  const page = await (await connect(call)).secrets.list();
  if (call.out.json) {
    call.out.object(page);
  } else {
    call.out.table(
      ['NAME', 'SLOT', 'UPDATED'],
      page.items.map((item) => [item.name, item.slot === '' ? '-' : item.slot, item.updated]),
    );
  }
  return EXIT.ok;
}

async function remove(call: Call): Promise<number> {
  const [name = '', slot = ''] = call.operands;
  await (await connect(call)).secrets.remove(name, slot);
  return done(call, 'removed', name, slot);
}

function done(call: Call, what: string, name: string, slot: string): number {
  if (call.out.json) {
    call.out.object({ ok: true, name, slot });
  } else {
    call.out.line(slot === '' ? `${what} ${name}` : `${what} ${name} ${slot}`);
  }
  return EXIT.ok;
}

export const command: Noun = {
  name: 'secrets',
  summary: 'set, list or remove values in the encrypted store',
  verbs: [
    {
      name: 'set',
      summary: 'store a value, read from standard input or a hidden prompt',
      operands: NAME_OPERANDS,
      options: GATEWAY_OPTIONS,
      act: set,
    },
    { name: 'list', summary: 'names and times, never values', options: GATEWAY_OPTIONS, act: list },
    { name: 'rm', summary: 'remove a value', operands: NAME_OPERANDS, options: GATEWAY_OPTIONS, act: remove },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
