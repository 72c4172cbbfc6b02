// What an SSH request means: its units, facts and tier. Pure and total; commands are read by the shell model.
import type { EndpointConfig } from '../../config/config.ts';
import { GatewayError } from '../../lib/errors.ts';
import { MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { asciiLower, shorten, visible } from '../../lib/text.ts';
import { RISKS, Unknown } from '../../rules/action.ts';
import type { Evidence, FactRecord, FactValue, Risk, Unit } from '../../rules/action.ts';
import { factSchemas } from '../../rules/schemas.ts';
import type { FactSchema } from '../../rules/fact-schema.ts';
import { commandFact, redirectFact } from '../shell/facts.ts';
import type { ShellOptions, ShellReader, ShellReading, ShellTier, StdinView, Transfer } from '../shell/model.ts';
import { decodeUtf8 } from '../shell/text.ts';
import { SshEvidence } from './evidence.ts';
import { readOptions } from './options.ts';
import { isAcceptedVariable } from './request.ts';
import type { SshRequest, SshRequestOf } from './request.ts';
import { SFTP, isSftpWrite, tierOfRequest } from './risk.ts';
import { sftpPath } from './sftp-path.ts';

/** An SSH request as rules see it. */
export interface SshAnalysis {
  /** At least one; two for an exec that starts a shell or an SFTP server. */
  readonly units: readonly Unit[];
  /** The highest of the units'. */
  readonly risk: Risk;
  /** One line for a person, for example `deploy@build: systemctl status nginx`. */
  readonly summary: string;
  readonly evidence: Evidence;
  /** The protocol itself refuses, whatever rules say: the reason for the agent; else null. */
  readonly refused: string | null;
}

/** Makes facts of requests. Pure and total. */
export interface SshAnalyser {
  /**
   * Whether stdin must be there, to its end, before the request can be judged: a rule reads it, or it is a script for a shell. `reads`
   * tells of every fact whether some rule, tier or approver of this endpoint may read it.
   */
  needsStdin(request: SshRequest, config: EndpointConfig, reads: (fact: string) => boolean): boolean;
  analyse(request: SshRequest, config: EndpointConfig): SshAnalysis;
}

export function createSshAnalyser({ shell }: { readonly shell: ShellReader }): SshAnalyser {
  const read = (request: SshRequest, config: EndpointConfig): ShellReading | null => {
    const options = shellOptions(request, config);
    if (request.verb === 'exec') {
      return shell.readLine(request.command, stdinOf(request), options);
    }
    const isScript = request.verb === 'shell' && stdinOf(request).kind === 'whole' && request.stdin.kind === 'whole';
    return isScript ? shell.readScript(request.stdin.bytes, options) : null;
  };
  return {
    needsStdin: (request, config, reads) => {
      if ((request.verb !== 'exec' && request.verb !== 'shell') || request.pty) {
        return false;
      }
      return reads('ssh.stdin') || request.verb === 'shell' || read(request, config)?.readsScript === true;
    },
    analyse: (request, config) => analysisOf(request, read(request, config)),
  };
}

export function sshFacts(): FactSchema {
  const schema = factSchemas.get('ssh');
  if (schema === undefined) {
    throw new GatewayError('INTERNAL', 'gateway', 'there is no fact schema of the family ssh');
  }
  return schema;
}

/** With a pty, stdin is what somebody types: it is never whole. */
function stdinOf(request: SshRequestOf<'exec'> | SshRequestOf<'shell'>): StdinView {
  return request.pty ? { kind: 'unread' } : request.stdin;
}

function shellOptions(request: SshRequest, config: EndpointConfig): ShellOptions {
  const { posix, scratchDirs } = readOptions(config);
  const { env } = request;
  const locale = env.get('LC_ALL') || env.get('LC_CTYPE') || env.get('LANG') || '';
  return { posix, scratchDirs, locale, tty: request.pty };
}

function analysisOf(request: SshRequest, reading: ShellReading | null): SshAnalysis {
  const units = unitsOf(request, reading);
  const rank = Math.max(...units.map(({ risk }) => RISKS.indexOf(risk)));
  return {
    units,
    risk: RISKS[rank] ?? 'destructive',
    summary: summaryOf(request),
    evidence: new SshEvidence(request),
    refused:
      request.verb === 'env' && !isAcceptedVariable(request.name)
        ? 'only LANG, LC_*, TERM and COLORTERM may be set'
        : null,
  };
}

const SHELL_TIER: ShellTier = {
  risk: 'destructive',
  causes: ['shell', 'opaque'],
  reason: 'a shell: what is typed into it is not judged',
};

/** A shell that runs a script which was read whole. */
const SCRIPT_TIER: ShellTier = { risk: 'destructive', causes: ['shell'], reason: 'a shell that runs a script' };

function unitsOf(request: SshRequest, reading: ShellReading | null): readonly Unit[] {
  switch (request.verb) {
    case 'exec': {
      const read = reading ?? NOTHING_RUNS;
      const units = [unitOf(request, read, read.tier)];
      if (read.startsShell) {
        const tier = read.readsScript && read.opaque.length === 0 ? SCRIPT_TIER : SHELL_TIER;
        units.push(unitOf({ ...request, verb: 'shell' }, read, tier));
      }
      if (read.startsSftp) {
        const subsystem: SshRequest = { ...request, verb: 'subsystem', name: SFTP };
        units.push(unitOf(subsystem, read, tierOfRequest(subsystem)));
      }
      return units;
    }
    case 'shell':
      return [unitOf(request, reading ?? INTERACTIVE, reading?.opaque.length === 0 ? SCRIPT_TIER : SHELL_TIER)];
    case 'subsystem':
      return [unitOf(request, request.name.equals(SFTP) ? SFTP_SERVER : NOTHING_RUNS, tierOfRequest(request))];
    case 'sftp':
      return [unitOf(request, SFTP_SERVER, tierOfRequest(request))];
    case 'forward':
    case 'remote_forward':
    case 'socket_forward':
    case 'agent_forward':
    case 'x11':
    case 'pty':
    case 'env':
    case 'signal':
      return [unitOf(request, NOTHING_RUNS, tierOfRequest(request))];
  }
}

/** What the facts of commands are where there are none. */
const NOTHING_RUNS: ShellReading = {
  commands: [],
  hidden: null,
  simple: null,
  opaque: [],
  unreadable: false,
  redirects: [],
  sudo: false,
  writesFiles: false,
  transfer: { kind: 'none', direction: 'none', paths: [] },
  startsShell: false,
  readsScript: false,
  startsSftp: false,
  tier: { risk: 'safe', causes: [], reason: '' },
};

/** A shell whose input nobody can know before it comes. */
const INTERACTIVE: ShellReading = { ...NOTHING_RUNS, hidden: 'dynamic', opaque: ['interactive'], startsShell: true };

const SFTP_SERVER: ShellReading = { ...NOTHING_RUNS, transfer: { kind: 'sftp', direction: 'none', paths: [] } };

function unitOf(request: SshRequest, reading: ShellReading, { risk, causes, reason }: ShellTier): Unit {
  const values = new Map<string, FactValue>();
  return {
    facts: {
      get: (name) => {
        const known = values.get(name);
        if (known !== undefined) {
          return known;
        }
        const make = FACTS[name];
        const value =
          name === 'risk'
            ? risk
            : name === 'risk_causes'
              ? causes
              : make === undefined
                ? undefined
                : make(request, reading);
        if (value !== undefined) {
          values.set(name, value);
        }
        return value;
      },
    },
    risk,
    riskCauses: causes,
    riskReason: reason,
    unreadable: reading.unreadable,
  };
}

type Make = (request: SshRequest, reading: ShellReading) => FactValue;

/** A fact that is complete only when everything that runs is seen. */
const ofAll =
  (pick: (reading: ShellReading) => FactValue): Make =>
  (_request, reading) =>
    reading.hidden === null ? pick(reading) : new Unknown(reading.hidden);

/** A statement of the kind "somewhere it does": true stays true, whatever is hidden. */
const ofAny =
  (pick: (reading: ShellReading) => boolean): Make =>
  (_request, reading) =>
    pick(reading) || reading.hidden === null ? pick(reading) : new Unknown(reading.hidden);

/** A fact of the text, which is Unknown only when the text could not be read. */
const ofText =
  (pick: (reading: ShellReading) => FactValue): Make =>
  (_request, reading) =>
    reading.unreadable ? new Unknown(reading.hidden ?? 'unparseable') : pick(reading);

/** A file protocol has the line for itself; beside other commands there is no telling what it means. */
const ofTransfer = (pick: (transfer: Transfer) => FactValue): Make =>
  ofAll(({ transfer, commands }) =>
    transfer.kind !== 'none' && commands.length > 1 ? new Unknown('ambiguous') : pick(transfer),
  );

function textFact(bytes: Buffer): FactValue {
  return decodeUtf8(bytes) ?? new Unknown('undecodable');
}

/** Every fact of `ssh.*` and `git.*`. */
const FACTS: Readonly<Record<string, Make>> = {
  'ssh.verb': ({ verb }) => verb,
  'ssh.command': (request) => ('command' in request ? textFact(request.command) : ''),
  'ssh.subsystem': (request) => (request.verb === 'subsystem' ? textFact(request.name) : ''),
  'ssh.forward_host': (request) => ('forwardHost' in request ? asciiLower(request.forwardHost) : ''),
  'ssh.forward_port': (request) => ('forwardPort' in request ? BigInt(request.forwardPort) : 0n),
  'ssh.user': ({ user }) => user,
  'ssh.stdin': (request) => stdinFact(request),
  'ssh.commands': ofAll(({ commands }) => commands.map(commandFact)),
  'ssh.programs': ofAll(({ commands }) => {
    const programs = commands.flatMap(({ program }) => (program === null ? [] : [program]));
    return programs.length === commands.length ? programs : new Unknown('dynamic');
  }),
  'ssh.argv': ofText(({ simple }) => simple ?? []),
  'ssh.is_simple': ofText(({ simple }) => simple !== null),
  'ssh.sudo': ofAny(({ sudo }) => sudo),
  'ssh.redirects': ofText(({ redirects }) => redirects.map((redirect): FactRecord => redirectFact(redirect))),
  'ssh.writes_files': (_request, { writesFiles, hidden }) =>
    writesFiles === true || (hidden === null && writesFiles === false) ? writesFiles : new Unknown(hidden ?? 'dynamic'),
  'ssh.is_opaque': (_request, { opaque }) => opaque.length > 0,
  'ssh.opaque_causes': (_request, { opaque }) => opaque,
  'ssh.env': ({ env }) => env,
  'ssh.pty': ({ pty }) => pty,
  'ssh.transfer': ofTransfer(({ kind }) => kind),
  'ssh.transfer_direction': ofTransfer(({ direction }) => direction),
  'ssh.transfer_paths': ofTransfer(({ paths }) => paths),
  'ssh.sftp_op': (request) => (request.verb === 'sftp' ? request.op : 'none'),
  'ssh.sftp_path': (request) => (request.verb === 'sftp' ? sftpPath(request.path) : ''),
  'ssh.sftp_target': (request) => (request.verb === 'sftp' ? sftpPath(request.target) : ''),
  'ssh.sftp_write': (request) => request.verb === 'sftp' && isSftpWrite(request),
  'ssh.channel': ({ channel }) => BigInt(channel),
  'ssh.host': ({ host }) => host,
  'git.operation': ofTransfer(({ kind, direction }) =>
    kind !== 'git' ? 'none' : direction === 'read' ? 'fetch' : 'push',
  ),
  'git.repo': ofTransfer(({ kind, paths }) => (kind === 'git' ? (paths[0] ?? '') : '')),
  // What a push changes comes after it was let in.
  'git.refs': (_request, { transfer }) =>
    transfer.kind === 'git' && transfer.direction === 'write' ? new Unknown('incomplete') : [],
  'git.options': (_request, { transfer }) =>
    transfer.kind === 'git' && transfer.direction === 'write' ? new Unknown('incomplete') : [],
};

function stdinFact(request: SshRequest): FactValue {
  if (request.verb === 'subsystem' || request.verb === 'pty') {
    return new Unknown('incomplete');
  }
  if (request.verb !== 'exec' && request.verb !== 'shell') {
    return '';
  }
  const stdin = stdinOf(request);
  switch (stdin.kind) {
    case 'unread':
      return new Unknown('incomplete');
    case 'cut':
      return new Unknown(stdin.cause);
    case 'whole':
      return textFact(stdin.bytes);
  }
}

function summaryOf(request: SshRequest): string {
  const text = new SshEvidence(request).text.replaceAll('\n', ' ⏎ ');
  return shorten(visible(`${request.user}@${request.host}: ${text}`), MAX_SUMMARY_CHARS);
}
