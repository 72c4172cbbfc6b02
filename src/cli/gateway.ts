// clawpatrol gateway: the daemon, in the foreground. Puts its parts together and leaves its life to gateway-run.ts.
import { loadConfig } from '../config/load.ts';
import { createOperatorServers } from '../dashboard/operations.ts';
import { createGateway } from '../gateway/gateway.ts';
import type { LogLevel } from '../gateway/logger.ts';
import { systemClock } from '../lib/clock.ts';
import { boundOldGarbage } from '../lib/garbage.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import { complainAbout, runGateway } from './gateway-run.ts';
import type { Io } from './io.ts';
import { findVersion } from './version.ts';

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

async function serve(call: Call): Promise<number> {
  const { io } = call;
  const logLevel = findLevel(call);
  boundOldGarbage();
  const [{ version }, { protocols }] = await Promise.all([findVersion(), import('../protocols/all.ts')]);
  const gateway = createGateway({
    configPath: call.operands[0] ?? '',
    stateDir: textOption(call, 'stateDir'),
    logLevel,
    env: io.env,
    clock: systemClock,
    version,
    protocols,
    load: loadConfig,
    ...createOperatorServers((line) => io.stderr.write(`${line}\n`)),
    onWarnings: (diagnostics) => complainAbout(diagnostics, io),
  });
  return runGateway(gateway, textOption(call, 'pidFile'), io);
}

/** The flag, else `LOG_LEVEL`, else null: the configuration's. */
function findLevel(call: Call): LogLevel | null {
  const given = textOption(call, 'logLevel') ?? call.io.env['LOG_LEVEL'] ?? '';
  if (given === '') {
    return null;
  }
  const level = LEVELS.find((name) => name === given);
  if (level === undefined) {
    throw new CliError('usage', EXIT.usage, `"${given}" is not a log level: write one of ${LEVELS.join(', ')}`);
  }
  return level;
}

export const command: Verb = {
  name: 'gateway',
  summary: 'the firewall itself, in the foreground',
  operands: [['<config>', 'configuration file, or directory of *.hcl files']],
  options: [
    ['--state-dir <dir>', 'state directory (default: gateway { state_dir }, $STATE_DIRECTORY, ~/.clawpatrol)'],
    ['--log-level <level>', `one of ${LEVELS.join(', ')} (default: gateway { log_level })`],
    ['--pid-file <file>', 'write the process id there while it runs'],
  ],
  examples: ['gateway /etc/clawpatrol/gateway.hcl --state-dir /var/lib/clawpatrol'],
  act: serve,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
