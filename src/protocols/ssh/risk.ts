// The tier of one SSH request (fact reference, 7.10). Commands get theirs from the shell model; this is the rest. Deterministic.
import { Unknown } from '../../rules/action.ts';
import type { Risk } from '../../rules/action.ts';
import type { ShellTier } from '../shell/model.ts';
import { isSecretPath } from '../shell/paths.ts';
import { isAcceptedVariable } from './request.ts';
import type { SftpRequest, SshRequest, SshRequestOf } from './request.ts';
import { sftpPath } from './sftp-path.ts';

export const SAFE: ShellTier = { risk: 'safe', causes: [], reason: '' };

const tier = (risk: Exclude<Risk, 'safe'>, cause: string, reason: string): ShellTier => ({
  risk,
  causes: [cause],
  reason,
});

/** Of everything but exec and shell, whose tier hangs on what they run. */
export function tierOfRequest(request: Exclude<SshRequest, SshRequestOf<'exec'> | SshRequestOf<'shell'>>): ShellTier {
  switch (request.verb) {
    case 'subsystem':
      return request.name.equals(SFTP)
        ? SAFE
        : tier('destructive', 'subsystem', 'a subsystem whose operations are not judged');
    case 'forward':
      return tier('destructive', 'network', 'a connection to another host');
    case 'remote_forward':
      return tier('destructive', 'network', 'a port that is opened on the server');
    case 'socket_forward':
      return tier('destructive', 'network', 'a socket or tunnel of the server');
    case 'agent_forward':
      return tier('destructive', 'identity', "the agent's keys become usable on the server");
    case 'x11':
      return tier('destructive', 'network', 'a way from the server back to a display');
    case 'pty':
      return tier('destructive', 'interactive', 'a terminal: what is typed into it is not judged');
    case 'env':
      return isAcceptedVariable(request.name)
        ? SAFE
        : tier('destructive', 'environment', 'a variable that may change what commands do');
    case 'signal':
      return SAFE;
    case 'sftp':
      return tierOfSftp(request);
  }
}

/** Name of the subsystem of which every operation is judged. */
export const SFTP = Buffer.from('sftp');

/** Extended requests that change nothing. */
const HARMLESS_EXTENSIONS: ReadonlySet<string> = new Set([
  'statvfs@openssh.com',
  'fstatvfs@openssh.com',
  'limits@openssh.com',
  'expand-path@openssh.com',
  'home-directory',
  'users-groups-by-id@openssh.com',
  'fsync@openssh.com',
]);

type Weight = 'read' | 'name' | 'change' | 'loss';

const WEIGHTS: Readonly<Record<Exclude<SftpRequest['op'], 'extended'>, Weight>> = {
  open: 'read',
  read: 'read',
  opendir: 'name',
  stat: 'name',
  lstat: 'name',
  readlink: 'name',
  realpath: 'name',
  write: 'change',
  setstat: 'change',
  mkdir: 'change',
  remove: 'loss',
  rename: 'loss',
  rmdir: 'loss',
  symlink: 'loss',
  hardlink: 'loss',
};

function tierOfSftp(request: SftpRequest): ShellTier {
  const weight = weightOf(request);
  if (weight === 'loss') {
    return tier('destructive', 'file', `${request.op} loses or redirects files`);
  }
  if (weight === 'name') {
    return SAFE;
  }
  const path = sftpPath(request.path);
  if (path instanceof Unknown) {
    return tier('destructive', 'opaque', 'a path that cannot be told');
  }
  if (isSecretPath(path)) {
    return tier('destructive', 'secret', 'a file that log-ins are made of');
  }
  return weight === 'change' ? tier('suspicious', 'file', 'a file or directory is changed') : SAFE;
}

function weightOf({ op, extension, writes }: SftpRequest): Weight {
  if (op === 'extended') {
    return HARMLESS_EXTENSIONS.has(extension) ? 'name' : 'loss';
  }
  return op === 'open' && writes ? 'change' : WEIGHTS[op];
}

/** Whether an operation changes something (`ssh.sftp_write`). */
export function isSftpWrite(request: SftpRequest): boolean {
  const weight = weightOf(request);
  return weight === 'change' || weight === 'loss';
}
