// A chain as an indented tree. What others wrote stands on lines of its own, escaped, behind whose words they are.
import type { ChainJson, ChainNodeJson } from '../client/control-shapes.ts';
import { visible } from '../lib/text.ts';

const WHOSE: Readonly<Record<Exclude<ChainNodeJson['whose'], null>, string>> = {
  outsiders: 'outsiders wrote',
  agent: 'the agent’s words',
  model: 'a model’s words',
  person: 'said',
};
const INDENT = '  ';
/** Deeper levels are not indented any further. */
const MAX_LEVEL = 12;
/** Of one voice. */
const MAX_WORDS_CHARS = 1_000;

/** Lines of at most `columns` characters, but for words that are longer by themselves. */
export function chainLines({ tree }: Pick<ChainJson, 'tree'>, columns: number): string[] {
  return tree.flatMap((node) => nodeLines(node, 0, columns));
}

function nodeLines(node: ChainNodeJson, level: number, columns: number): string[] {
  const { at, text, words, whose, id, kind, children } = node;
  const indent = INDENT.repeat(Math.min(level, MAX_LEVEL));
  // The day stands at the top; below it the time of day is enough unless the day is another.
  const time = level === 0 ? at : at.slice(11, 19);
  const named = kind === 'action' && id !== null ? ` ${id}` : '';
  const said = whose === null || words === '' ? [] : quoted(WHOSE[whose], words);
  return [
    ...wrap(`${time} ${visible(text)}${named}`, indent, columns),
    ...said.flatMap((line) => wrap(line, `${indent}${INDENT}| `, columns)),
    ...children.flatMap((child) => nodeLines(child, level + 1, columns)),
  ];
}

function quoted(who: string, words: string): string[] {
  const cut = words.length > MAX_WORDS_CHARS;
  const [first = '', ...rest] = visible(words.slice(0, MAX_WORDS_CHARS), true).replaceAll('\t', ' ').split('\n');
  return [`${who}: ${first}`, ...rest, ...(cut ? [`(cut: ${words.length} characters)`] : [])];
}

/** Breaks at spaces; a word that is longer than the line is broken where the line ends. */
function wrap(text: string, indent: string, columns: number): string[] {
  const width = Math.max(20, columns - indent.length);
  const lines: string[] = [];
  for (let rest = text; ;) {
    const hanging = lines.length === 0 ? '' : INDENT;
    const room = width - hanging.length;
    if (rest.length <= room) {
      return [...lines, `${indent}${hanging}${rest}`];
    }
    const space = rest.lastIndexOf(' ', room);
    const end = space > room / 2 ? space : room;
    lines.push(`${indent}${hanging}${rest.slice(0, end)}`);
    rest = rest.slice(end).replace(/^ /, '');
  }
}
