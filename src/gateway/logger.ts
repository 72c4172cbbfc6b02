// The log for operators: JSON lines, to stderr or to a file that SIGHUP reopens. Written from a bounded buffer: a reader of the log that
// does not keep up loses lines (counted), and never stops the gateway. The audit log is another thing.
import { pino } from 'pino';
import type { DestinationStream, Logger as Pino } from 'pino';
import { GatewayError, messageOf } from '../lib/errors.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** What the parts of the gateway may say. Fields first, then a fixed sentence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The daemon's own log. */
export interface GatewayLogger extends Logger {
  setLevel(level: LogLevel): void;
  /** Opens the file anew, at another place if it has moved. */
  reopen(path: string | null): void;
  /** Writes out what is buffered. */
  flush(): void;
}

/** Bytes that wait for a slow reader; what comes beyond is dropped. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const REDACTED = ['password', 'secret', 'token', 'authorization', 'key'];

interface Destination extends DestinationStream {
  reopen(path?: string): void;
  flushSync(): void;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

/** A logger to that file, or to stderr for null. Throws GatewayError CONFIG_INVALID when the file cannot be opened. */
export function createLogger({ path, level }: { path: string | null; level: LogLevel }): GatewayLogger {
  const destination = openDestination(path);
  const log: Pino = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
      serializers: { err: pino.stdSerializers.err },
    },
    destination,
  );
  let dropped = 0;
  destination.on('drop', () => {
    dropped += 1;
  });
  destination.on('drain', () => {
    if (dropped > 0) {
      log.warn({ dropped }, 'log lines were dropped: their reader did not keep up');
      dropped = 0;
    }
  });
  // A log that cannot be written is no reason to stop judging; the audit log has its own, stricter answer.
  destination.on('error', () => {});
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    setLevel(next) {
      log.level = next;
    },
    reopen(next) {
      if (path !== null && next !== null) {
        destination.reopen(next);
      }
    },
    flush() {
      try {
        destination.flushSync();
      } catch {
        // Not open yet, or closed by its reader: there is nobody left to tell.
      }
    },
  };
}

function openDestination(path: string | null): Destination {
  try {
    // A file is opened at once, so that a wrong path is told at the start.
    return pino.destination({
      dest: path ?? 2,
      sync: false,
      mode: 0o600,
      minLength: 0,
      maxLength: MAX_BUFFERED_BYTES,
    });
  } catch (error) {
    throw new GatewayError('CONFIG_INVALID', 'operator', `log_path ${path ?? ''}: ${messageOf(error)}`);
  }
}
