// TCP ports for tests that must name one before it is bound.
import { createServer } from 'node:net';

/** Below the range from which Linux gives out ports by itself (32768 on), so that no outgoing connection of another test takes it first. */
const LOWEST = 18_000;
const COUNT = 14_000;
const ATTEMPTS = 200;
/** What this process was given: none is given twice before it is bound. */
const given = new Set<number>();

/** A TCP port on loopback that is free now and that nobody is given by chance. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (given.has(port)) {
      continue;
    }
    given.add(port);
    // oxlint-disable-next-line no-await-in-loop -- one after the other until one is free
    if (await canBind(port)) {
      return port;
    }
  }
  throw new Error(`none of ${ATTEMPTS} ports from ${LOWEST} on is free`);
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
