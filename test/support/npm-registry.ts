// A registry of packages that knows every name, all at version 1.2.3, over TLS.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { testAuthority } from './http-gateway.ts';
import type { CleanUp } from './temp.ts';

export interface Registry {
  readonly port: number;
  /** Targets asked for, as they came. */
  readonly seen: string[];
}

export async function startRegistry(cleanUp: CleanUp): Promise<Registry> {
  const seen: string[] = [];
  const server = createServer(await (await testAuthority()).leaf('localhost'), ({ url = '' }, response) => {
    seen.push(url);
    const name = decodeURIComponent(url.slice(1));
    const version = { name, version: '1.2.3', dist: { tarball: 'https://localhost/none.tgz', shasum: '0'.repeat(40) } };
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.2.3' }, versions: { '1.2.3': version } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}
