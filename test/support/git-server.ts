// git's own HTTP server behind a password, and git clients that know nothing of it.
import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { testAuthority } from './http-gateway.ts';
import { runProgram } from './run.ts';
import type { ProgramResult } from './run.ts';
import type { CleanUp } from './temp.ts';

/** What the gateway proves itself with. */
export const GIT_SECRET = 'ghp_realSecretOfTheGateway';

export interface GitServer {
  readonly port: number;
  /** `Authorization` of every request. */
  readonly seen: string[];
}

/** git's own server behind Basic. */
export async function startGit(scope: CleanUp, root: string, host: string): Promise<GitServer> {
  const { cert, key } = await (await testAuthority()).leaf(host);
  const want = `Basic ${Buffer.from(`x-access-token:${GIT_SECRET}`).toString('base64')}`;
  const seen: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    seen.push(request.headers.authorization ?? '');
    if (request.headers.authorization !== want) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
      return;
    }
    runBackend(root, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function runBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? '',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'agent',
      ...(request.headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: request.headers['content-length'] }),
    },
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  let head: Buffer = Buffer.alloc(0);
  let begun = false;
  const pass = (piece: Buffer): void => {
    if (!response.write(piece)) {
      child.stdout.pause();
      response.once('drain', () => child.stdout.resume());
    }
  };
  child.stdout.on('data', (piece: Buffer) => {
    if (begun) {
      pass(piece);
      return;
    }
    head = Buffer.concat([head, piece]);
    const end = head.indexOf('\r\n\r\n');
    if (end !== -1) {
      begun = true;
      begin(head.toString('latin1', 0, end), response);
      pass(head.subarray(end + 4));
    }
  });
  child.on('close', () => response.end());
}

/** The head of an answer as CGI has it. */
function begin(text: string, response: ServerResponse): void {
  const fields = text
    .split('\r\n')
    .filter((line) => !line.startsWith('Status:'))
    .map((line) => line.split(': ') as [string, string]);
  response.writeHead(Number(/^Status: (\d+)/m.exec(text)?.[1] ?? 200), Object.fromEntries(fields));
}

/** Runs git without any configuration of this machine. */
export const git = (cwd: string, ...args: readonly string[]): Promise<ProgramResult> =>
  runProgram('git', args, {
    cwd,
    timeoutMs: 300_000,
    env: {
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'a',
      GIT_AUTHOR_EMAIL: 'a@example.com',
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@example.com',
    },
  });

/** A bare repository with one commit on `main`, which takes pushes over HTTP. `folder`: for what it is made from. */
export async function makeBareRepository(folder: string, path: string): Promise<void> {
  const work = join(folder, 'work');
  for (const [cwd, ...args] of [
    [folder, 'init', '-q', '-b', 'main', work],
    [work, 'commit', '-q', '--allow-empty', '-m', 'first'],
    [folder, 'clone', '-q', '--bare', work, path],
    [path, 'config', 'http.receivepack', 'true'],
  ] as const) {
    const done = await git(cwd, ...args);
    if (done.code !== 0) {
      throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
    }
  }
}
