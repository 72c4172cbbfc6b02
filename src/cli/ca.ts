// clawpatrol ca: the gateway's certificate authority, which clients trust to reach its listeners over TLS.
import { EXIT, runCommand } from './command.ts';
import type { Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';
import { align } from './printer.ts';

export const command: Noun = {
  name: 'ca',
  summary: "the gateway's certificate authority",
  verbs: [
    {
      name: 'show',
      summary: 'fingerprint and validity',
      options: GATEWAY_OPTIONS,
      act: async (call) => {
        const ca = await (await connect(call)).ca.show();
        if (call.out.json) {
          call.out.object(ca);
        } else {
          align([
            ['subject', ca.subject],
            ['sha256', ca.fingerprint],
            ['valid', `${ca.not_before} to ${ca.not_after}`],
          ]).forEach((text) => call.out.line(text));
        }
        return EXIT.ok;
      },
    },
    {
      name: 'export',
      summary: 'the certificate as PEM',
      options: GATEWAY_OPTIONS,
      act: async (call) => {
        const certificate = await (await connect(call)).ca.export();
        if (call.out.json) {
          call.out.object({ certificate });
        } else {
          call.out.line(certificate.trimEnd());
        }
        return EXIT.ok;
      },
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
