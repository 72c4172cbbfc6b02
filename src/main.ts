// The process: argv in, exit code out. The one file with process.exitCode. No logic.

// Node opens its inspector on SIGUSR1 unless a handler stands, so this comes before anything is loaded.
process.on('SIGUSR1', () => {});

const { runCli } = await import('./cli/cli.ts');
const { setTimeout: sleep } = await import('node:timers/promises');
const { createControlClient } = await import('./client/control-client.ts');

// A reader that goes away (`audit tail | head`) ends the program quietly, as it does for other tools.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') {
    process.exit(0);
  }
  throw error;
});

// Timers of the clock do not keep a process alive: without this, one that waits for nothing else (a start that fails, a drain) would end here
// with 13 and without a word.
const untilDone = setInterval(() => {}, 2 ** 30);

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  onFault: (listener) => {
    process.on('uncaughtException', listener);
    process.on('unhandledRejection', listener);
    return (): void => {
      process.off('uncaughtException', listener);
      process.off('unhandledRejection', listener);
    };
  },
  exitNow: (code) => process.exit(code),
  pid: process.pid,
  connect: createControlClient,
  onSignal: (name, listener) => {
    process.on(name, listener);
    return (): void => {
      process.off(name, listener);
    };
  },
  now: () => Date.now(),
  sleep: (delayMs) => sleep(delayMs),
});
clearInterval(untilDone);
