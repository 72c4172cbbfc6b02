// clawpatrol kubeconfig: what an agent's kubectl needs to reach a Kubernetes endpoint through the gateway. It holds no credential: the
// gateway has it.
import type { KubeconfigJson } from '../client/control-shapes.ts';
import { EXIT, runCommand } from './command.ts';
import type { Verb } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';

/**
 * Text of the kubeconfig file. The token is a placeholder that the gateway takes out: without any, kubectl would ask for a user name.
 */
function kubeconfigText({ name, server, proxy_url: proxyUrl, certificate }: KubeconfigJson): string {
  return [
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    `- name: ${quoted(name)}`,
    '  cluster:',
    `    server: ${quoted(server)}`,
    ...(proxyUrl === '' ? [] : [`    proxy-url: ${quoted(proxyUrl)}`]),
    `    certificate-authority-data: ${Buffer.from(certificate).toString('base64')}`,
    'users:',
    '- name: agent',
    '  user:',
    '    token: injected-by-clawpatrol',
    'contexts:',
    `- name: ${quoted(name)}`,
    '  context:',
    `    cluster: ${quoted(name)}`,
    '    user: agent',
    `current-context: ${quoted(name)}`,
  ].join('\n');
}

/** As a YAML text in double quotes. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

export const command: Verb = {
  name: 'kubeconfig',
  summary: "what an agent's kubectl needs to reach a Kubernetes endpoint; never a real credential",
  operands: [['<endpoint>', 'name of a kubernetes endpoint, bare or typed']],
  options: GATEWAY_OPTIONS,
  act: async (call) => {
    const found = await (await connect(call)).kubeconfig(call.operands[0] ?? '');
    if (call.out.json) {
      call.out.object(found);
    } else {
      call.out.line(kubeconfigText(found));
    }
    return EXIT.ok;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
