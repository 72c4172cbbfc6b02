// clawpatrol escape-test: tries the known ways out from inside a run, one line each.
import { devicePaths } from '../client/device-files.ts';
import { tryEscapes } from '../client/run/escapes.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';

async function act(call: Call): Promise<number> {
  const { io, out } = call;
  if ((io.env['CLAWPATROL_RUN'] ?? '') === '') {
    throw new CliError('usage', EXIT.usage, 'this is for the inside of a run: clawpatrol run clawpatrol escape-test');
  }
  const attempts = await tryEscapes({
    paths: devicePaths(io.env, textOption(call, 'caDir')),
    env: io.env,
    outside: readOutside(call),
  });
  const open = attempts.filter(({ held }) => !held);
  if (out.json) {
    out.object({ attempts, open: open.length });
  } else {
    for (const { name, held, detail, asked } of attempts) {
      const word =
        asked === true ? out.paint('yellow', 'asked') : out.paint(held ? 'green' : 'red', held ? 'held' : 'OPEN');
      out.line(`${word} ${visible(name)}: ${visible(detail)}`);
    }
    const tried = attempts.filter(({ asked }) => asked !== true).length;
    out.line(open.length === 0 ? `all ${tried} held` : `${open.length} of ${tried} are ways out`);
  }
  return open.length === 0 ? EXIT.ok : EXIT.no;
}

function readOutside(call: Call): { readonly host: string; readonly port: number } | null {
  const given = textOption(call, 'outside');
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(given ?? '');
  if (given !== null && match === null) {
    throw new CliError('usage', EXIT.usage, '--outside is an address that answers without the tunnel: HOST:PORT');
  }
  return match === null ? null : { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

export const command: Verb = {
  name: 'escape-test',
  summary: 'inside a run: try the known ways out, one line each',
  options: [
    ['--outside <address>', 'one more address to try, that answers without the tunnel: HOST:PORT'],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
  ],
  act,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
