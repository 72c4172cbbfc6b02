// What went wrong with TLS, in words: OpenSSL's own carry places in its sources and say nothing to whoever has to mend it.
import { messageOf } from './errors.ts';

/** What OpenSSL says of bytes that are no TLS: plain HTTP, a greeting of another protocol, a protocol older than TLS. */
const NO_TLS = /wrong version number|packet length too long|http request|unknown protocol|invalid library/i;
/** `C0F7:error:0A00010B:SSL routines:function:reason:../deps/openssl/…:file:line:`. */
const RAW = /\berror:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/;

/** One line for people: what the failure of a handshake means. */
export function describeTlsTrouble(error: unknown): string {
  const message = messageOf(error);
  if (NO_TLS.test(message)) {
    return 'the other side does not speak TLS on this port; name its TLS port';
  }
  return (RAW.exec(message)?.[1] ?? message).trim();
}
