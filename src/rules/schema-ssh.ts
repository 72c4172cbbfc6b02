// Facts of family `ssh` (fact reference, section 6).
import type { FactDefinition, FactType } from './fact-schema.ts';
import { BOOL, INT, STRING, STRINGS, STRING_MAP, facts, listOf, record } from './schema-parts.ts';

const request = facts('shape', 'agent');
const channel = facts('connection', 'agent');
const endpoint = facts('shape', 'operators');

const REDIRECT = record({ op: STRING, fd: INT, target: STRING });

/** One simple command of a shell line; family `k8s` uses the same record for exec. */
export const COMMAND: FactType = record({
  argv: STRINGS,
  program: STRING,
  path: STRING,
  env: STRINGS,
  redirects: listOf(REDIRECT),
  sudo: BOOL,
  user: STRING,
  pipe: INT,
  where: STRING,
  literal: BOOL,
});

const VERBS = 'pty|exec|shell|subsystem|forward|remote_forward|socket_forward|agent_forward|x11|env|sftp|signal';

const OPAQUE_CAUSES =
  'syntax|dynamic_word|interpreter|script|stdin_program|interactive|encoding|unknown_program|locale|too_large';

const SFTP_OPS =
  'none|open|read|opendir|stat|lstat|readlink|realpath|write|setstat|remove|rename|mkdir|rmdir|symlink|hardlink|extended';

export const SSH_FACTS: readonly FactDefinition[] = [
  request.closed('ssh.verb', STRING, VERBS, 'channel request, channel open or global request that is judged'),
  request.plain('ssh.command', STRING, 'exec payload'),
  request.plain('ssh.subsystem', STRING, 'subsystem name'),
  request.plain('ssh.forward_host', STRING, 'target host of a forward, lower case'),
  request.plain('ssh.forward_port', INT, 'target port of a forward'),
  request.plain('ssh.user', STRING, 'user name asked for upstream'),
  request.plain('ssh.stdin', STRING, 'complete stdin of an exec or shell without pty, read before judging'),
  request.plain('ssh.commands', listOf(COMMAND), 'one record per simple command, nested ones included'),
  request.plain('ssh.programs', STRINGS, 'program of each command'),
  request.plain('ssh.argv', STRINGS, 'argv when the line is exactly one simple, literal command; else []'),
  request.plain('ssh.is_simple', BOOL, 'the line is exactly one simple, literal command'),
  request.plain('ssh.sudo', BOOL, 'some command changes the user'),
  request.plain('ssh.redirects', listOf(REDIRECT), 'all redirects of the line'),
  request.plain('ssh.writes_files', BOOL, 'a redirect that writes, or a program that does'),
  request.plain('ssh.is_opaque', BOOL, 'the shell model cannot see everything that runs'),
  request.closed('ssh.opaque_causes', STRINGS, OPAQUE_CAUSES, 'why the line is opaque'),
  channel.plain('ssh.env', STRING_MAP, 'environment requests accepted on this channel'),
  channel.plain('ssh.pty', BOOL, 'a pty was granted on this channel'),
  request.closed('ssh.transfer', STRING, 'none|sftp|scp|rsync|git', 'recognised file protocol'),
  request.closed('ssh.transfer_direction', STRING, 'none|read|write', "direction, from the server's files' view"),
  request.plain('ssh.transfer_paths', STRINGS, 'paths named by the transfer'),
  request.closed('ssh.sftp_op', STRING, SFTP_OPS, 'SFTP operation'),
  request.plain('ssh.sftp_path', STRING, 'path of the operation, cleaned'),
  request.plain('ssh.sftp_target', STRING, 'second path of the operation'),
  request.plain('ssh.sftp_write', BOOL, 'the operation changes something'),
  channel.plain('ssh.channel', INT, 'channel number'),
  endpoint.plain('ssh.host', STRING, 'upstream host chosen'),
];
