// The yardstick of the SSH benchmark: a bare relay made of ssh2's Server and Client, which pipes exec and sftp channels and judges nothing.
// node dist/bench/ssh-relay.js TARGET_PORT USER KEY_FILE HOST_KEY_FILE → prints the port it listens on.
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import type { ClientChannel, Connection, ServerChannel, Session } from 'ssh2';

const [target = '', user = '', keyPath = '', hostKeyPath = ''] = process.argv.slice(2);

function join(client: ServerChannel, upstream: ClientChannel): void {
  client.pipe(upstream);
  upstream.pipe(client, { end: false });
  upstream.stderr.pipe(client.stderr, { end: false });
  let status = 0;
  upstream.on('exit', (code: number | null) => {
    status = code ?? 0;
  });
  upstream.on('close', () => {
    client.exit(status);
    client.end();
  });
}

function start(client: ServerChannel, error: Error | undefined, channel: ClientChannel): void {
  if (error === undefined) {
    join(client, channel);
  } else {
    client.exit(1);
    client.end();
  }
}

function serve(connection: Connection): void {
  const upstream = new ssh2.Client();
  const ready = new Promise<void>((resolve) => {
    upstream.once('ready', resolve);
  });
  upstream.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    connection.end();
  });
  connection.on('error', () => upstream.end());
  connection.on('close', () => upstream.end());
  connection.on('authentication', (context) => context.accept());
  connection.on('session', (acceptSession) => {
    const session: Session = acceptSession();
    // Accepted at once: a client that has ended its stdin meanwhile could not be answered any more.
    session.on('exec', (accept, _reject, { command }) => {
      const client = accept();
      void ready.then(() => upstream.exec(command, (error, channel) => start(client, error, channel)));
    });
    session.on('subsystem', (accept, _reject, { name }) => {
      const client = accept();
      void ready.then(() => upstream.subsys(name, (error, channel) => start(client, error, channel)));
    });
  });
  upstream.connect({ host: '127.0.0.1', port: Number(target), username: user, privateKey: readFileSync(keyPath) });
}

const server = new ssh2.Server({ hostKeys: [readFileSync(hostKeyPath)] }, serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
