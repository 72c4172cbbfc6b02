// PostgreSQL's statement analysis as the session uses it: text to outline (cached, long texts in a worker), outline to units.
import { MAX_INLINE_ANALYSIS_BYTES, MAX_SHAPED_BYTES } from '../../lib/limits.ts';
import { isUtf8 } from 'node:buffer';
import { Lru } from '../../lib/lru.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SqlAnalyser, SqlOptions, SqlText } from '../sql/analysis.ts';
import type { OpaqueCause, TextOutline } from '../sql/outline.ts';
import { createAnalysisThread, type AnalysisThread } from '../sql/thread.ts';
import { canShare, outlineOfShape, shapeOf, withoutNumbers, type ShapedText } from '../sql/shape.ts';
import {
  AnalysedText,
  SharedText,
  StateKeys,
  createText,
  type BoundText,
  type TextDialect,
  type TextParts,
} from '../sql/text.ts';
import type { UnknownCause } from '../../rules/action.ts';
import { analyseText, opaqueText } from './analysis/analyse.ts';
import { createGrammar, type Grammar } from './analysis/engine.ts';
import type { WalkOptions } from './analysis/walk.ts';
import { parseSearchPath } from './analysis/names.ts';
import { nameForms } from './analysis/resolve.ts';

/** Everything is optional: the defaults are right for a gateway. */
export interface PostgresAnalyserParts {
  readonly clock: Clock;
  readonly maxCachedTexts?: number;
  readonly maxCachedBytes?: number;
  /** Whether texts that differ only in numbers share their analysis; on by default. */
  readonly shapes?: boolean;
  /** How long a text may take in the worker before it is opaque. */
  readonly deadlineMs?: number;
}

const MAX_CACHED_TEXTS = 4096;
const MAX_CACHED_BYTES = 16 * 1024 * 1024;
/** How long a text may take in the worker before it is opaque. */
const DEADLINE_MS = 10_000;

export interface PostgresAnalyser extends SqlAnalyser {
  /** Ends the worker thread, where one was needed. */
  close(): Promise<void>;
}

export async function createPostgresAnalyser(parts: PostgresAnalyserParts): Promise<PostgresAnalyser> {
  const grammar = await createGrammar();
  const thread = createAnalysisThread<WalkOptions, TextOutline>({
    clock: parts.clock,
    deadlineMs: parts.deadlineMs ?? DEADLINE_MS,
    script: new URL('./analysis/worker.js', import.meta.url),
  });
  return new Analyser(grammar, thread, parts);
}

/** For a text that another dialect analysed: nothing of it is believed. */
const STRICT: SqlOptions = { readOnly: true, trustedFunctions: new Set(), maxTextBytes: 0 };

/** Texts analysed under one set of options. */
interface Scope {
  readonly options: SqlOptions;
  readonly texts: Lru<string, BoundText>;
  readonly shapes: Lru<string, Shape>;
}

/** The first text of a shape, which the others are made from. */
interface Shape {
  readonly text: AnalysedText;
  readonly shape: ShapedText;
  readonly memos: TextParts['memos'];
}

class Analyser implements PostgresAnalyser {
  readonly #grammar: Grammar;
  readonly #thread: AnalysisThread<WalkOptions, TextOutline>;
  readonly #parts: PostgresAnalyserParts;
  readonly #scopes = new WeakMap<SqlOptions, Scope>();
  readonly #scopesByContent = new Lru<string, Scope>(8);
  readonly #dialect: TextDialect;
  readonly #states = new StateKeys();

  constructor(grammar: Grammar, thread: AnalysisThread<WalkOptions, TextOutline>, parts: PostgresAnalyserParts) {
    this.#grammar = grammar;
    this.#thread = thread;
    this.#parts = parts;
    this.#dialect = {
      nameForms,
      parsePath: parseSearchPath,
      fingerprint: (text): string | null => {
        const result = text.length <= MAX_SHAPED_BYTES ? grammar.fingerprint(withoutNumbers(text)) : null;
        return result?.kind === 'ok' ? result.value : null;
      },
    };
  }

  analyse(bytes: Buffer, options: SqlOptions): SqlText | Promise<SqlText> {
    const scope = this.#scopeOf(options);
    if (bytes.length > options.maxTextBytes) {
      return this.#opaque(scope, { text: '', cause: 'too_large', unknown: 'too_large' });
    }
    if (!isUtf8(bytes)) {
      return this.#opaque(scope, { text: bytes.toString('latin1'), cause: 'encoding', unknown: 'undecodable' });
    }
    // Copies: nothing of a connection's buffers is kept.
    const text = bytes.toString('utf8');
    const cached = scope.texts.find(text);
    if (cached !== null) {
      return cached;
    }
    if (text.includes('\0')) {
      return this.#opaque(scope, { text, cause: 'encoding', unknown: 'undecodable' });
    }
    const shape = this.#parts.shapes === false || bytes.length > MAX_SHAPED_BYTES ? null : shapeOf(text);
    const shared = shape === null ? null : this.#share(scope, text, shape);
    if (shared !== null) {
      return shared;
    }
    if (bytes.length > MAX_INLINE_ANALYSIS_BYTES) {
      return this.#thread
        .analyse(text, walkOptions(options))
        .then((outline) =>
          outline === null
            ? this.#keep(scope, text, { outline: opaqueText(text, 'unparseable', 'unparseable'), memos: new Map() })
            : this.#learn(scope, text, { outline, shape }),
        );
    }
    if (!this.#grammar.available) {
      return this.#grammar.ready().then(() => this.#inline(scope, text, shape));
    }
    return this.#inline(scope, text, shape);
  }

  bind(...[text, state, names, transaction]: Parameters<SqlAnalyser['bind']>): ReturnType<SqlAnalyser['bind']> {
    const bindable =
      text instanceof AnalysedText || text instanceof SharedText
        ? text
        : this.#opaque(this.#scopeOf(STRICT), { text: text.text, cause: 'unparseable', unknown: 'unparseable' });
    return bindable.bind(state, names, transaction);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #inline(scope: Scope, text: string, shape: ShapedText | null): SqlText {
    return this.#learn(scope, text, { outline: analyseText(text, this.#grammar, walkOptions(scope.options)), shape });
  }

  /** The text as another of a known shape, or null. It is not kept: it is made again for less than keeping it costs. */
  #share(scope: Scope, text: string, shape: ShapedText): SqlText | null {
    const template = scope.shapes.find(shape.key);
    return template === null
      ? null
      : new SharedText(text, template.text, () =>
          this.#create(scope, text, {
            outline: outlineOfShape({ outline: template.text.outline, shape: template.shape }, text, shape),
            memos: template.memos,
          }),
        );
  }

  /** Keeps the text, and its shape for others when they may share it. */
  #learn(
    scope: Scope,
    text: string,
    { outline, shape }: { readonly outline: TextOutline; readonly shape: ShapedText | null },
  ): AnalysedText {
    const memos: TextParts['memos'] = new Map();
    const analysed = this.#keep(scope, text, { outline, memos });
    if (shape !== null && canShare(text, shape, outline)) {
      scope.shapes.put(shape.key, { text: analysed, shape, memos }, shape.key.length * 2);
    }
    return analysed;
  }

  #keep(scope: Scope, text: string, analysed: Pick<TextParts, 'outline' | 'memos'>): AnalysedText {
    const made = this.#create(scope, text, analysed);
    scope.texts.put(text, made, text.length * 2);
    return made;
  }

  #opaque(
    scope: Scope,
    what: { readonly text: string; readonly cause: OpaqueCause; readonly unknown: UnknownCause },
  ): BoundText {
    const outline = opaqueText(null, what.cause, what.unknown);
    return this.#create(scope, what.text, { outline, memos: new Map() });
  }

  #create(scope: Scope, text: string, analysed: Pick<TextParts, 'outline' | 'memos'>): AnalysedText {
    return createText({
      text,
      ...analysed,
      dialect: this.#dialect,
      readOnly: scope.options.readOnly,
      states: this.#states,
    });
  }

  #scopeOf(options: SqlOptions): Scope {
    const known = this.#scopes.get(options);
    if (known !== undefined) {
      return known;
    }
    const key = JSON.stringify([options.readOnly, options.maxTextBytes, [...options.trustedFunctions].toSorted()]);
    let scope = this.#scopesByContent.find(key);
    if (scope === null) {
      const { maxCachedTexts = MAX_CACHED_TEXTS, maxCachedBytes = MAX_CACHED_BYTES } = this.#parts;
      scope = {
        options,
        texts: new Lru(maxCachedTexts, maxCachedBytes),
        shapes: new Lru(maxCachedTexts, maxCachedBytes),
      };
      this.#scopesByContent.put(key, scope);
    }
    this.#scopes.set(options, scope);
    return scope;
  }
}

function walkOptions(options: SqlOptions): WalkOptions {
  return { readOnly: options.readOnly, trusted: options.trustedFunctions };
}
