// What the parser makes of a text: words with their parts, and the commands around them. Types only. Offsets are UTF-16, into the text.

/** Part of a word. Only `text` is constant. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  /** Unquoted `*`, `?` or `[…]`: the shell may put names of files in its place. */
  | { readonly kind: 'glob'; readonly text: string }
  /** `~` or `~user` where a shell puts a home directory in its place. */
  | { readonly kind: 'tilde'; readonly text: string }
  /** `$name`, `${name}`, `$?` … */
  | { readonly kind: 'variable'; readonly name: string }
  /** Arithmetic over numbers: a number. */
  | { readonly kind: 'number' }
  | { readonly kind: 'substitution'; readonly script: List }
  /** `<(…)` and `>(…)`: the name of a pipe. */
  | { readonly kind: 'process'; readonly script: List }
  /** `{a,b}`, `=name`: the shells differ, or several words come of it. */
  | { readonly kind: 'expansion' };

export interface Word {
  readonly start: number;
  readonly end: number;
  readonly parts: readonly Part[];
  /** Some of it was quoted or escaped, so it is no keyword. */
  readonly quoted: boolean;
}

export interface Assignment {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly value: readonly Part[];
}

export interface HereDocument {
  /** Null where it is not constant. */
  readonly body: string | null;
  /** Where the line that ends it begins. */
  readonly end: number;
}

export interface RedirectNode {
  /** Without the descriptor. */
  readonly op: string;
  readonly fd: number;
  readonly target: Word;
  /** Set for `<<` and `<<-` once the lines behind were read. */
  document: HereDocument | null;
}

export type Node =
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly Word[];
      readonly redirects: readonly RedirectNode[];
    }
  | { readonly kind: 'pipeline'; readonly nodes: readonly Node[] }
  | { readonly kind: 'group'; readonly body: List; readonly redirects: readonly RedirectNode[] }
  | { readonly kind: 'subshell'; readonly body: List; readonly redirects: readonly RedirectNode[] }
  | {
      readonly kind: 'loop';
      /** Of `for`, else null. */
      readonly variable: string | null;
      readonly words: readonly Word[];
      /** Of `while` and `until`. */
      readonly condition: List;
      readonly body: List;
      readonly redirects: readonly RedirectNode[];
    }
  | {
      readonly kind: 'if';
      readonly conditions: readonly List[];
      readonly bodies: readonly List[];
      readonly redirects: readonly RedirectNode[];
    }
  | {
      readonly kind: 'case';
      readonly words: readonly Word[];
      readonly bodies: readonly List[];
      readonly redirects: readonly RedirectNode[];
    }
  | { readonly kind: 'function'; readonly name: string; readonly body: Node };

export interface ListItem {
  readonly node: Node;
  readonly background: boolean;
}

/** Commands one after another; what joins them (`;`, `&&`, a newline) decides only whether they run. */
export type List = readonly ListItem[];

/** A text that was read to its end. */
export interface Script {
  readonly list: List;
  /** Every word, assignment and end of a here-document, for the comparison with the other grammar. */
  readonly words: readonly Word[];
  readonly assignments: readonly Assignment[];
  readonly documentEnds: readonly number[];
  /** Where each simple command that has words begins. */
  readonly commandStarts: readonly number[];
  /** There is more than one simple command, or anything beside words in it. */
  readonly isCompound: boolean;
}
