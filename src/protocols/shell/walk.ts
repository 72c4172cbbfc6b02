// Walks a parsed text: every simple command goes through its wrappers to the program that runs, and is judged there. Pure.
import { asciiLower } from '../../lib/text.ts';
import { literals, partsArg, scriptsIn, wordArg } from './args.ts';
import type { Arg } from './args.ts';
import type { Assignment, List, Node, Part, RedirectNode, Script, Word } from './ast.ts';
import type { Findings } from './findings.ts';
import type { Grammar } from './grammar.ts';
import type { Literal, Redirect, ShellOptions, StdinView, Where } from './model.ts';
import { parseScript } from './parser.ts';
import { isHarmlessTarget, isInside, isNetworkTarget } from './paths.ts';
import { judgeBuiltin, judgeByTable, withoutVersion } from './programs.ts';
import {
  HARMLESS,
  isHarmlessValue,
  isHarmlessVariable,
  isKnownValue,
  isPlainVariable,
  isStandardPath,
} from './readers.ts';
import { readFile, writeFile } from './scope.ts';
import type { Call, Scope, StdinSource } from './scope.ts';
import { SHELLS } from './shells.ts';
import { SERVICE_PROGRAMS } from './special-services.ts';
import { TEXT_PROGRAMS } from './special-text.ts';
import { checkText, isHarmlessLocale } from './text.ts';
import { WRAPPERS } from './wrappers.ts';

/** Wrappers and shells inside one another. */
const MAX_DEPTH = 8;
/** Commands of one text; a loop of wrappers cannot make more of them than its bytes allow, and this many nobody reads. */
const MAX_COMMANDS = 4096;

/** What a command inherits from what is around it. */
type Place = Omit<Call, 'words' | 'env'>;

export const TOP: Place = {
  stdin: 'channel',
  isShown: true,
  sudo: false,
  user: '',
  pipe: 0,
  where: 'top',
  depth: 0,
};

export interface WalkerParts {
  readonly grammar: Grammar;
  readonly findings: Findings;
  readonly options: ShellOptions;
  readonly stdin: StdinView;
}

export class Walker implements Scope {
  readonly findings: Findings;
  readonly options: ShellOptions;
  readonly #grammar: Grammar;
  readonly #stdin: StdinView;
  /** Variables that the text itself gives values to. */
  readonly #assigned = new Set<string>();
  #calls = 0;
  /** Nothing but one command stands between the channel's stdin and a shell that reads it. */
  #isAlone = false;

  constructor({ grammar, findings, options, stdin }: WalkerParts) {
    this.#grammar = grammar;
    this.findings = findings;
    this.options = options;
    this.#stdin = stdin;
  }

  get stdin(): StdinView {
    return this.#isAlone && !this.options.tty ? this.#stdin : { kind: 'unread' };
  }

  runScript(script: Script, place: Place): void {
    this.#isAlone = !script.isCompound && place.depth === 0 && place.stdin === 'channel';
    this.#list(script.list, place);
  }

  runArgv(argv: readonly string[]): void {
    this.#isAlone = true;
    const words = argv.map((text): Arg => ({ text, kind: 'literal', shown: text }));
    this.runCall({ ...TOP, words, env: [] });
  }

  runText(text: string, call: Call, where: Where): void {
    const place: Place = { ...call, where, depth: call.depth + 1 };
    const trouble = call.depth >= MAX_DEPTH ? 'syntax' : checkText(text, this.options.locale);
    if (trouble !== null) {
      this.findings.opaque(trouble, 'unparseable');
      return;
    }
    const parsed = parseScript(text);
    if (parsed.kind === 'refused') {
      this.findings.opaque(parsed.reason, 'unparseable');
    } else if (!this.#grammar.agrees(text, parsed.script)) {
      this.findings.opaque('syntax', 'unparseable');
    } else {
      this.#list(parsed.script.list, place);
    }
  }

  /** What the channel's stdin holds, as a script. Nothing in it may read stdin itself: it would take the lines behind it away. */
  runStdin(text: string, call: Call): void {
    this.#isAlone = false;
    this.runText(text, { ...call, stdin: 'script' }, 'nested_shell');
  }

  runCall(call: Call): void {
    const { findings } = this;
    this.#calls += 1;
    if (call.depth > MAX_DEPTH || this.#calls > MAX_COMMANDS) {
      findings.opaque('too_large', 'too_large');
      return;
    }
    const [first, ...args] = call.words;
    const path = first?.text ?? null;
    if (first === undefined || path === null) {
      this.#record(call, []);
      findings.opaque('dynamic_word', 'dynamic');
      findings.startsShell ||= call.stdin === 'channel';
      findings.mayWrite();
      return;
    }
    this.#start(path, args, call);
  }

  #start(path: string, args: readonly Arg[], call: Call): void {
    const { findings } = this;
    const program = baseName(path);
    if (program === 'sftp-server') {
      findings.startsSftp = true;
    }
    if (program === '' || !isStandardPath(path)) {
      this.#record(call, []);
      findings.opaque('script', 'dynamic');
      findings.mayWrite();
      return;
    }
    judgeBuiltin(program, args, this);
    const wrapper = WRAPPERS.get(program);
    const starter = wrapper ?? SHELLS.get(program);
    if (starter !== undefined) {
      const before = findings.commands.length;
      starter(args, call, this);
      if (findings.commands.length === before) {
        this.#record(call, []);
        // `exec $SHELL`, `chroot /srv`: whatever it starts, it has the channel.
        const isHidden =
          findings.hidden !== null && (wrapper !== undefined || args.some(({ kind }) => kind === 'dynamic'));
        findings.startsShell ||= isHidden && call.stdin === 'channel';
      }
      return;
    }
    this.#record(call, []);
    const family = asciiLower(withoutVersion(program)).replace(/\.exe$/, '');
    if (family !== program && (WRAPPERS.has(family) || SHELLS.has(family))) {
      findings.opaque('interpreter', 'dynamic');
      return;
    }
    if (call.stdin === 'script' && !readsNoStdin(program)) {
      findings.opaque('stdin_program', 'dynamic');
    }
    const special = TEXT_PROGRAMS.get(program) ?? SERVICE_PROGRAMS.get(program);
    if (special === undefined) {
      judgeByTable(program, args, call, this);
    } else {
      special(args, call, this);
    }
  }

  /** Redirects of a command that is not unwrapped yet are put in by `#simple`. */
  #record(call: Call, redirects: readonly Redirect[]): void {
    const [first] = call.words;
    const path = first?.text ?? null;
    const argv = call.words.map(({ text }) => text);
    this.findings.commands.push({
      argv,
      program: path === null ? null : baseName(path),
      path,
      env: call.env,
      redirects,
      sudo: call.sudo,
      user: call.user,
      pipe: call.pipe,
      where: call.where,
      literal: argv.every((text) => text !== null) && call.env.every((text) => text !== null),
    });
  }

  #list(list: List, place: Place): void {
    for (const { node, background } of list) {
      this.#node(node, background ? { ...place, where: 'background' } : place);
    }
  }

  #node(node: Node, place: Place): void {
    switch (node.kind) {
      case 'simple':
        this.#simple(node, place);
        return;
      case 'pipeline':
        node.nodes.forEach((inner, index) => {
          const isLast = index === node.nodes.length - 1;
          const stdin = index === 0 ? place.stdin : 'pipe';
          this.#node(inner, { ...place, pipe: index, stdin, isShown: place.isShown && isLast });
        });
        return;
      case 'group':
        this.#list(node.body, this.#redirected(node.redirects, place));
        return;
      case 'subshell':
        this.#list(node.body, { ...this.#redirected(node.redirects, place), where: 'subshell' });
        return;
      case 'loop':
        this.#loop(node, place);
        return;
      case 'if':
      case 'case': {
        const inner: Place = { ...this.#redirected(node.redirects, place), where: 'condition' };
        this.#words(node.kind === 'case' ? node.words : [], place);
        [...(node.kind === 'if' ? node.conditions : []), ...node.bodies].forEach((list) => this.#list(list, inner));
        return;
      }
      case 'function':
        // The name may be that of a program, and what it is called with is not followed.
        this.findings.opaque('dynamic_word');
        this.#node(node.body, { ...place, where: 'function' });
    }
  }

  #loop(node: Extract<Node, { readonly kind: 'loop' }>, place: Place): void {
    const inner = this.#redirected(node.redirects, place);
    if (node.variable !== null) {
      this.assign(node.variable);
    }
    this.#words(node.words, place);
    this.#list(node.condition, { ...inner, where: 'condition' });
    this.#list(node.body, { ...inner, where: 'loop' });
  }

  #simple(node: Extract<Node, { readonly kind: 'simple' }>, place: Place): void {
    const { findings } = this;
    const isCommand = node.words.length > 0;
    node.assignments.forEach((assignment) => this.#assignment(assignment, isCommand));
    const here = this.#redirected(node.redirects, place);
    if (isCommand) {
      const before = findings.commands.length;
      const env = node.assignments.map(({ name, value }) => assignmentText(name, value));
      this.runCall({ ...here, words: node.words.map(wordArg), env });
      this.#attach(before, node);
    }
    for (const { value } of node.assignments) {
      this.#parts(value, place);
    }
    this.#words(node.words, place);
    node.redirects.forEach(({ target }) => this.#parts(target.parts, place));
  }

  /** The redirects of a text belong to the first command that came of it. */
  #attach(before: number, { redirects }: Extract<Node, { readonly kind: 'simple' }>): void {
    const record = this.findings.commands[before];
    if (record !== undefined && redirects.length > 0) {
      const written = redirects.map(redirectOf);
      const literal = record.literal && written.every(({ target }) => target !== null);
      this.findings.commands[before] = { ...record, redirects: written, literal };
    }
  }

  #words(words: readonly Word[], place: Place): void {
    words.forEach(({ parts }) => this.#parts(parts, place));
  }

  /** What stands inside words: commands, and variables whose values come out. */
  #parts(parts: readonly Part[], place: Place): void {
    for (const part of parts) {
      if (part.kind === 'variable' && !isKnownValue(part.name) && !this.#assigned.has(part.name)) {
        this.findings.raise('suspicious', 'environment', `the value of ${part.name} is used`);
      }
    }
    // Its output is the text's own, not a terminal's; nothing pages.
    const inner: Place = { ...place, where: 'substitution', isShown: false, pipe: 0 };
    scriptsIn(parts).forEach((list) => this.#list(list, inner));
  }

  assign(name: string): void {
    this.#assigned.add(name);
    if (!isPlainVariable(name)) {
      this.findings.opaque('dynamic_word', 'dynamic');
    }
  }

  #assignment({ name, value }: Assignment, isCommand: boolean): void {
    const { findings } = this;
    if (!isCommand) {
      this.assign(name);
      return;
    }
    const { text } = partsArg(value);
    if (!isHarmlessVariable(name) || text === null || !isHarmlessValue(text)) {
      findings.opaque('dynamic_word', 'dynamic');
    } else if (/^(?:LANG|LC_)/.test(name) && !isHarmlessLocale(text)) {
      findings.opaque('locale', 'dynamic');
    }
  }

  /** Judges redirects, and says where stdin comes from and whether output is still shown behind them. */
  #redirected(redirects: readonly RedirectNode[], place: Place): Place {
    let stdin: StdinSource = place.stdin;
    let { isShown } = place;
    for (const redirect of redirects) {
      this.findings.redirects.push(redirectOf(redirect));
      const source = this.#redirect(redirect);
      if (source === 'output') {
        isShown &&= redirect.fd !== 1;
      } else if (redirect.fd === 0) {
        stdin = source;
      }
    }
    return { ...place, stdin, isShown };
  }

  #redirect({ op, target }: RedirectNode): StdinSource | 'output' {
    const { findings, options } = this;
    const arg = wordArg(target);
    const path = arg.text ?? '';
    if (isNetworkTarget(arg.shown)) {
      findings.raise('destructive', 'network', 'opens a connection');
      return op.startsWith('<') ? 'file' : 'output';
    }
    switch (op) {
      case '<<':
      case '<<-':
      case '<<<':
        return 'text';
      case '<':
        readFile(this, arg);
        return 'file';
      case '<&':
      case '>&':
        if (/^(?:\d{1,3}-?|-)$/.test(path)) {
          return op === '<&' ? 'file' : 'output';
        }
        break;
      default:
        break;
    }
    if (arg.kind !== 'pipe' && !isHarmlessTarget(path)) {
      writeFile(this, arg, (written) => isInside(written, options.scratchDirs));
    }
    return op.startsWith('<') ? 'file' : 'output';
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function assignmentText(name: string, value: readonly Part[]): Literal {
  const { text } = partsArg(value);
  return text === null ? null : `${name}=${text}`;
}

function redirectOf({ op, fd, target }: RedirectNode): Redirect {
  return { op, fd, target: wordArg(target).text };
}

const NO_STDIN: ReadonlySet<string> = new Set(
  'systemctl journalctl ps dmesg date hostname du stat test [ [[ printf cd exit ip ss lsblk findmnt nproc'.split(' '),
);

/** Programs that leave stdin alone, whatever their arguments. */
function readsNoStdin(program: string): boolean {
  return HARMLESS.has(program) || NO_STDIN.has(program);
}

/** argv of a text that is one simple, literal command and nothing else. */
export function simpleArgv({ list, isCompound }: Script): readonly string[] | null {
  const [item] = list;
  if (isCompound || item === undefined || item.node.kind !== 'simple' || item.node.words.length === 0) {
    return null;
  }
  return literals(item.node.words.map(wordArg));
}
