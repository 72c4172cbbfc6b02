// clawpatrol mcp: an MCP server on standard input and output, for agents: what they can reach, why they do what they do, what would be allowed, what
// waits. It speaks with the gateway's own name and nothing else.
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createAgentLink } from '../client/agent-link.ts';
import { agentTools, MCP_INSTRUCTIONS } from '../client/agent-tools.ts';
import { createMcpServer } from '../client/mcp-server.ts';
import type { AnswerLine } from '../client/mcp-server.ts';
import { EXIT, runCommand, textOption } from './command.ts';
import type { Verb } from './command.ts';
import type { Io } from './io.ts';
import { findRoot } from './version.ts';

/** A line that is longer ends the session: nothing that these tools take is. */
const MAX_LINE_CHARS = 1024 * 1024;

/** Answers lines, one after the other, until the input ends. False when a line was too long. */
export async function serveLines(input: Readable, output: Writable, answer: AnswerLine): Promise<boolean> {
  const decoder = new StringDecoder('utf8');
  let held = '';
  for await (const part of input as AsyncIterable<Buffer>) {
    held += decoder.write(part);
    const lines = held.split('\n');
    held = lines.pop() ?? '';
    if (held.length > MAX_LINE_CHARS) {
      return false;
    }
    for (const line of lines) {
      const reply = line.trim() === '' ? null : await answer(line);
      if (reply !== null) {
        output.write(`${reply}\n`);
      }
    }
  }
  return true;
}

export const command: Verb = {
  name: 'mcp',
  summary: 'MCP server on stdio for agents: manifest, context_set, would_allow, pending',
  options: [['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)']],
  act: async (call) => {
    const { io } = call;
    const answer = createMcpServer({
      name: 'clawpatrol',
      version: (await findRoot()).version,
      instructions: MCP_INSTRUCTIONS,
      tools: agentTools(createAgentLink(io.env, textOption(call, 'caDir'))),
    });
    // A client that closes its end is done.
    io.stdout.on('error', () => io.exitNow(EXIT.ok));
    if (await serveLines(io.stdin, io.stdout, answer)) {
      return EXIT.ok;
    }
    call.out.complain(`a line of more than ${MAX_LINE_CHARS} characters`);
    return EXIT.no;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
