// Shells inside the text: `sh -c '…'` is read again, anything else takes its commands from where they are not seen. And file protocols
// that clients start by exec: scp, rsync, sftp. Pure.
import { literals } from './args.ts';
import type { Arg } from './args.ts';
import { judgeByTable } from './programs.ts';
import { readTree } from './scope.ts';
import type { Call, Scope } from './scope.ts';
import type { Handler } from './special-text.ts';
import { startShell } from './wrappers.ts';
import { isInside, isSecretPath } from './paths.ts';
import type { Transfer } from './model.ts';
import { decodeUtf8 } from './text.ts';

/** Flags that change nothing about what a script runs. */
const SHELL_FLAGS = /^-[celuxnhaf]+$/;

const shell: Handler = (args, call, scope) => {
  const { findings } = scope;
  let at = 0;
  let hasScript = false;
  let isInteractive = false;
  for (; at < args.length; at += 1) {
    const text = args[at]?.text ?? null;
    if (text === null) {
      findings.opaque('dynamic_word', 'dynamic');
      findings.startsShell = true;
      return;
    }
    if (/^-[a-z]*i[a-z]*$/.test(text)) {
      isInteractive = true;
    } else if (text === '-o' && args[at + 1]?.text === 'pipefail') {
      at += 1;
    } else if (SHELL_FLAGS.test(text)) {
      hasScript ||= text.includes('c');
    } else if (!/^--(?:norc|noprofile|posix|login)$/.test(text) && text !== '-s' && text !== '-') {
      break;
    }
  }
  if (isInteractive) {
    findings.startsShell = true;
    findings.opaque('interactive', 'dynamic');
    return;
  }
  const operand = args[at];
  if (hasScript) {
    runScript(operand, call, scope);
  } else if (operand === undefined || args.some(({ text }) => text === '-s')) {
    readsStdin(call, scope);
  } else {
    findings.opaque('script', 'dynamic');
    findings.mayWrite();
  }
};

function runScript(text: Arg | undefined, call: Call, scope: Scope): void {
  if (text?.text === undefined || text.text === null || text.text.startsWith('-') || text.text.startsWith('+')) {
    scope.findings.opaque('dynamic_word', 'dynamic');
    scope.findings.mayWrite();
    return;
  }
  scope.runText(text.text, call, 'nested_shell');
}

function readsStdin(call: Call, scope: Scope): void {
  const { findings } = scope;
  const text = scope.stdin.kind === 'whole' ? decodeUtf8(scope.stdin.bytes) : null;
  if (call.stdin === 'channel') {
    findings.readsScript = true;
    if (text === null) {
      startShell(call, scope);
    } else {
      findings.startsShell = true;
      scope.runStdin(text, call);
    }
  } else {
    findings.opaque('stdin_program', 'dynamic');
  }
  findings.mayWrite();
}

const source: Handler = (_args, _call, { findings }) => {
  findings.opaque('script', 'dynamic');
  findings.mayWrite();
};

const sftpServer: Handler = (_args, _call, { findings }) => {
  findings.raise('destructive', 'file', 'an SFTP server: each operation is judged on its own');
  findings.writes();
  findings.startsSftp = true;
  findings.transfer = { kind: 'sftp', direction: 'none', paths: [] };
};

function transfers(
  kind: Transfer['kind'],
  isWrite: boolean,
  paths: readonly Arg[],
  { scope, isTree }: TransferParts,
): void {
  const { findings, options } = scope;
  findings.transfer = { kind, direction: isWrite ? 'write' : 'read', paths: paths.map(({ shown }) => shown) };
  for (const path of paths) {
    if (!isWrite) {
      if (isTree) {
        readTree(scope, path);
      } else {
        readTreeOrFile(scope, path);
      }
      continue;
    }
    findings.writes();
    const isSecret = path.kind !== 'literal' || isSecretPath(path.shown);
    if (isSecret && !isInside(path.shown, options.scratchDirs)) {
      findings.raise('destructive', 'secret', `writes ${path.shown}, which log-ins are made of`);
    } else {
      findings.raise('suspicious', 'file', `writes ${path.shown}`);
    }
  }
}

interface TransferParts {
  readonly scope: Scope;
  readonly isTree: boolean;
}

/** A path that may be a file or, to a server that copies trees, a directory. */
function readTreeOrFile(scope: Scope, path: Arg): void {
  if (path.kind === 'literal' && !path.shown.includes('/')) {
    readTree(scope, { ...path, shown: `~/${path.shown}` });
  } else {
    readTree(scope, path);
  }
}

const scp: Handler = (args, call, scope) => {
  const dashes = args.findIndex(({ text }) => text === '--');
  const flags = args.filter(
    ({ text }, index) => text !== null && text.startsWith('-') && text !== '--' && (dashes === -1 || index < dashes),
  );
  const paths = args.filter((arg) => !flags.includes(arg) && arg.text !== '--');
  const letters = literals(flags)?.join('').replaceAll('-', '') ?? '?';
  const isServer = /^[rpvdqft]+$/.test(letters) && letters.includes('f') !== letters.includes('t');
  if (!isServer || paths.length === 0 || paths.some(({ kind }) => kind === 'dynamic' || kind === 'pipe')) {
    judgeByTable('scp', args, call, scope);
    return;
  }
  const isTree = letters.includes('r');
  if (isTree || letters.includes('t')) {
    transfers('scp', letters.includes('t'), paths, { scope, isTree });
  } else {
    transfersFiles(paths, scope);
  }
};

/** Without -r a directory is not sent. */
function transfersFiles(paths: readonly Arg[], scope: Scope): void {
  const { findings } = scope;
  findings.transfer = { kind: 'scp', direction: 'read', paths: paths.map(({ shown }) => shown) };
  for (const path of paths) {
    if (path.kind === 'pattern' || isSecretPath(path.shown) || isSecretPath(`~/${path.shown}`)) {
      readTree(scope, path);
    }
  }
}

/** What rsync's client asks of the server for an ordinary copy. */
const RSYNC_LETTERS = /^-[vlogDtprLzHAXSWunqOJUNckdbxhmyI]*(?:e(?:\d*\.\d*)?[A-Za-z]*)?$/;
const RSYNC_LONG =
  /^--(?:sender|server|partial|inplace|append|append-verify|numeric-ids|ignore-times|size-only|checksum|no-[a-z-]+|stats|sparse|timeout=\d+|bwlimit=\d+|compress-level=\d+|compress-choice=\w+|checksum-choice=\w+|modify-window=\d+|log-format=[%\w]*|out-format=[%\w]*|block-size=\d+|max-size=\w+|min-size=\w+|existing|ignore-existing|update|new-compress|old-compress|iconv=[\w.,-]+)$/;

const rsync: Handler = (args, call, scope) => {
  const { findings } = scope;
  const dot = args.findIndex(({ text }) => text === '.');
  const options = literals(args.slice(0, dot));
  const paths = args.slice(dot + 1);
  const isServer = options?.[0] === '--server' && dot > 0;
  if (!isServer || paths.length === 0 || paths.some(({ kind }) => kind === 'dynamic' || kind === 'pipe')) {
    judgeByTable('rsync', args, call, scope);
    return;
  }
  const isSender = options.includes('--sender');
  transfers('rsync', !isSender, paths, { scope, isTree: true });
  const isKnown = options.every((text) => RSYNC_LONG.test(text) || RSYNC_LETTERS.test(text));
  if (!isKnown || paths.some(({ shown }) => shown.startsWith('-'))) {
    findings.raise('destructive', 'option', 'rsync with an option that deletes or runs something');
    findings.writes();
  }
};

export const SHELLS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ...['sh', 'bash', 'dash', 'zsh', 'ksh', 'mksh', 'ash', 'rbash', 'lksh', 'yash', 'ksh93'].map(
    (name): [string, Handler] => [name, shell],
  ),
  ['.', source],
  ['source', source],
  ['sftp-server', sftpServer],
  ['internal-sftp', sftpServer],
  ['scp', scp],
  ['rsync', rsync],
]);
