// The daemon's life as a process: the ready line, signals, the pid file, how it ends.
import { rm, writeFile } from 'node:fs/promises';
import type { Diagnostic } from '../config/diagnostic.ts';
import { ConfigError } from '../gateway/gateway.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { EXIT } from './command.ts';
import { diagnosticJson } from '../dashboard/shapes.ts';
import { diagnosticText } from './diagnostics.ts';
import type { Io } from './io.ts';

/** Prints findings for the operator. */
export function complainAbout(diagnostics: readonly Diagnostic[], io: Io): void {
  diagnostics.forEach((diagnostic) => io.stderr.write(`${diagnosticText(diagnosticJson(diagnostic))}\n`));
}

/**
 * Starts the gateway and stays until it has stopped. SIGTERM and SIGINT drain, a second one ends the process at once with 1;
 * SIGHUP reloads and reopens the log. Exit 0 after a drain, 1 when start fails or records were lost, 2 for a bad configuration.
 */
export async function runGateway(gateway: Gateway, pidFile: string | null, io: Io): Promise<number> {
  let asked = false;
  const stop = (): void => {
    if (asked) {
      io.exitNow(EXIT.no);
      return;
    }
    asked = true;
    // Never rejects; its end is awaited through `stopped`.
    void gateway.stop();
  };
  const reload = (): void => {
    gateway.reopenLog();
    // Never rejects, and tells the log what came of it.
    void gateway.reload('SIGHUP');
  };
  const undo = [
    io.onSignal('SIGTERM', stop),
    io.onSignal('SIGINT', stop),
    io.onSignal('SIGHUP', reload),
    io.onFault((error) => gateway.fault(error)),
  ];
  try {
    const readyLine = await gateway.start();
    if (pidFile !== null) {
      await writeFile(pidFile, `${io.pid}\n`);
    }
    io.stdout.write(`${readyLine}\n`);
    const broken = await gateway.stopped;
    if (broken === null) {
      return EXIT.ok;
    }
    io.stderr.write(`clawpatrol: ${visible(messageOf(broken))}\n`);
    return EXIT.no;
  } catch (error) {
    await gateway.stop();
    return asked ? EXIT.ok : reportStart(error, io);
  } finally {
    undo.forEach((off) => off());
    if (pidFile !== null) {
      await rm(pidFile, { force: true });
    }
  }
}

function reportStart(error: unknown, io: Io): number {
  if (error instanceof ConfigError) {
    complainAbout(error.diagnostics, io);
  }
  const code = error instanceof GatewayError ? ` [${error.code}]` : '';
  io.stderr.write(`clawpatrol: ${visible(messageOf(error))}${code}\n`);
  return error instanceof ConfigError ? EXIT.usage : EXIT.no;
}
