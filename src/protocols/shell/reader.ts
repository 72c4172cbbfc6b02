// The shell model: text or argv to what would run. Pure once its grammar is loaded; the readings of texts that come again are kept.
import { Lru } from '../../lib/lru.ts';
import { Findings } from './findings.ts';
import { loadGrammar } from './grammar.ts';
import type { Grammar } from './grammar.ts';
import type { OpaqueCause, ShellOptions, ShellReader, ShellReading, StdinView } from './model.ts';
import { parseScript } from './parser.ts';
import { REASONS } from './reasons.ts';
import { checkText, decodeUtf8 } from './text.ts';
import { TOP, Walker, simpleArgv } from './walk.ts';

const MAX_REMEMBERED = 512;
const MAX_REMEMBERED_CHARS = 1024 * 1024;

const UNREAD: StdinView = { kind: 'unread' };

/** A reader with its grammar loaded. */
export async function createShellReader(): Promise<ShellReader> {
  return new ModelReader(await loadGrammar());
}

class ModelReader implements ShellReader {
  readonly #grammar: Grammar;
  readonly #known = new Lru<string, ShellReading>(MAX_REMEMBERED, MAX_REMEMBERED_CHARS);

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
  }

  readLine(bytes: Buffer, stdin: StdinView, options: ShellOptions): ShellReading {
    const text = decodeUtf8(bytes);
    if (text === null) {
      return unreadable('encoding');
    }
    if (stdin.kind === 'whole') {
      return this.#read(text, stdin, options);
    }
    const key = `${options.posix}\0${options.tty}\0${options.locale}\0${options.scratchDirs.join('\0')}\0\0${text}`;
    const known = this.#known.find(key);
    if (known !== null) {
      return known;
    }
    const reading = this.#read(text, UNREAD, options);
    this.#known.put(key, reading, key.length);
    return reading;
  }

  readArgv(argv: readonly string[], stdin: StdinView, options: ShellOptions): ShellReading {
    if (argv.some((text) => text.includes('\0'))) {
      return unreadable('encoding');
    }
    const findings = new Findings();
    if (argv.length > 0) {
      new Walker({ grammar: this.#grammar, findings, options, stdin }).runArgv(argv);
    }
    return findings.reading(argv.length > 0 ? argv : null);
  }

  readScript(bytes: Buffer, options: ShellOptions): ShellReading {
    const findings = new Findings();
    findings.startsShell = true;
    findings.readsScript = true;
    const walker = new Walker({ grammar: this.#grammar, findings, options, stdin: UNREAD });
    const text = decodeUtf8(bytes);
    if (text === null || !options.posix) {
      findings.opaque(text === null ? 'encoding' : 'syntax', 'undecodable');
    } else {
      walker.runStdin(text, { ...TOP, words: [], env: [] });
    }
    return findings.reading(null);
  }

  #read(text: string, stdin: StdinView, options: ShellOptions): ShellReading {
    const trouble = checkText(text, options.locale);
    if (trouble !== null) {
      return unreadable(trouble);
    }
    const parsed = parseScript(text);
    if (parsed.kind === 'refused') {
      return unreadable(parsed.reason);
    }
    const { script } = parsed;
    if (!this.#grammar.agrees(text, script)) {
      return unreadable('syntax');
    }
    const simple = simpleArgv(script);
    // Another family of shells reads plain words alike, and little else.
    if (!options.posix && (simple === null || !/^[A-Za-z0-9_./:=+ -]+$/.test(text))) {
      return unreadable('syntax');
    }
    const findings = new Findings();
    if (script.list.length === 0) {
      findings.startsShell = true;
      findings.opaque('interactive', 'dynamic');
    }
    new Walker({ grammar: this.#grammar, findings, options, stdin }).runScript(script, TOP);
    return findings.reading(simple);
  }
}

/** Of a text that is not read: nothing is known, and everything is feared. */
export function unreadable(cause: OpaqueCause): ShellReading {
  return {
    commands: [],
    hidden: cause === 'too_large' ? 'too_large' : cause === 'encoding' ? 'undecodable' : 'unparseable',
    simple: null,
    opaque: [cause],
    unreadable: true,
    redirects: [],
    sudo: false,
    writesFiles: null,
    transfer: { kind: 'none', direction: 'none', paths: [] },
    startsShell: false,
    readsScript: false,
    startsSftp: false,
    tier: { risk: 'destructive', causes: ['opaque'], reason: REASONS[cause] },
  };
}
