// `verify_ast`: how the server itself reads a statement, asked once for each new text, over a connection of its own.
import { hash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../lib/errors.ts';
import { Lru } from '../../lib/lru.ts';
import type { DispatchedCredential, ServeContext } from '../protocol.ts';
import type { ClickHouseAnalyser } from './analysis/context.ts';
import { ask, openUpstream, sendAddendum, targetOf } from './connect.ts';
import type { Verify } from './exchange.ts';
import type { ClientHello } from './login.ts';

const MAX_KNOWN_TEXTS = 4096;
const NO_ADDENDUM = Buffer.alloc(0);
const EXPLAIN = Buffer.from('EXPLAIN AST ');

/** Null while the endpoint does not ask for it; what comes back never rejects. */
export function verifierOf(
  context: ServeContext,
  analyser: ClickHouseAnalyser,
  login: { readonly credential: DispatchedCredential; readonly hello: ClientHello },
): () => Verify | null {
  const verify: Verify = async (text, bytes, database) => {
    const known = context.shared(
      `clickhouse.ast ${context.endpoint.ref}`,
      () => new Lru<string, Known>(MAX_KNOWN_TEXTS),
    );
    const key = hash('sha256', bytes, 'hex');
    const found = known.find(key);
    if (found !== null) {
      return found.differs;
    }
    let answer: string;
    try {
      answer = await explain(context, Buffer.concat([EXPLAIN, bytes]), {
        ...login,
        hello: { ...login.hello, database },
      });
    } catch (error) {
      // Also a server that knows no EXPLAIN AST, or that cannot parse the text: nobody has confirmed our reading. Asked again next time.
      return `the server did not say how it reads the statement: ${messageOf(error)}`;
    }
    const differs = analyser.compareAst(text, answer);
    known.put(key, { differs });
    return differs;
  };
  return () => (context.config().attributes['verify_ast'] === true ? verify : null);
}

interface Known {
  readonly differs: string | null;
}

async function explain(
  context: ServeContext,
  text: Buffer,
  { credential, hello }: { readonly credential: DispatchedCredential; readonly hello: ClientHello },
): Promise<string> {
  const { clock, signal } = context;
  const dial = (inner: AbortSignal): Promise<Duplex> => context.dial(inner);
  const upstream = await openUpstream({ clock, signal, dial }, targetOf(hello, credential, context.config()), hello);
  try {
    sendAddendum(upstream, NO_ADDENDUM);
    return (await ask(upstream, text.toString('utf8'), { clock, signal })).join('\n');
  } finally {
    upstream.peer.stream.destroy();
  }
}
