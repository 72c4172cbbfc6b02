// SSH requests made by hand, and what rules say of them.
import { createSshAnalyser } from '../../src/protocols/ssh/facts.ts';
import type { SshAnalysis } from '../../src/protocols/ssh/facts.ts';
import type { SshOrigin, SshRequestKind } from '../../src/protocols/ssh/request.ts';
import { createShellReader } from '../../src/protocols/shell/reader.ts';
import type { ShellOptions, StdinView } from '../../src/protocols/shell/model.ts';
import type { AttributeValue } from '../../src/config/config.ts';
import type { FactValue } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { decide, makeEndpoint, makeRuleAction } from './rule-parts.ts';

/** One reader for all tests: its grammar is loaded once. */
export const shell = await createShellReader();

export const SHELL_OPTIONS: ShellOptions = { posix: true, scratchDirs: ['/srv/scratch'], locale: '', tty: false };

const analyser = createSshAnalyser({ shell });
const endpoint = makeEndpoint('ssh', 'risk');

export interface RequestOptions {
  readonly origin?: Partial<SshOrigin>;
  /** Left out: nobody looked. */
  readonly stdin?: StdinView;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

const ORIGIN: SshOrigin = { user: 'deploy', host: 'build', channel: 0, env: new Map(), pty: false };

export function analysisOfRequest(
  request: SshRequestKind,
  { origin, attributes = {} }: RequestOptions = {},
): SshAnalysis {
  return analyser.analyse({ ...ORIGIN, ...origin, ...request }, { ...endpoint, attributes });
}

/** What the analysis makes of an exec. */
export function analysisOf(command: string | Buffer, options: RequestOptions = {}): SshAnalysis {
  const bytes = Buffer.isBuffer(command) ? command : Buffer.from(command);
  const stdin = options.stdin ?? { kind: 'unread' };
  return analysisOfRequest({ verb: 'exec', command: bytes, stdin }, options);
}

/** One fact of an exec's first unit. */
export function factOf(command: string | Buffer, name: string, options: RequestOptions = {}): FactValue | undefined {
  return analysisOf(command, options).units[0]?.facts.get(name);
}

/** `refuse`, or `allow`, `deny`, `approve` as the rules say. */
export function outcomeOf(policy: Policy, { units, risk, refused }: SshAnalysis): string {
  return refused === null
    ? decide(policy, { ...makeRuleAction({ family: 'ssh' }), units, risk, refused }).kind
    : 'refuse';
}
