// Small parts that every view uses.
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { nowMs } from './state.ts';
import { dateTime, duration, splitLine, type Piece } from './text.ts';

/** Shapes differ too, so that a tier is told without colours. */
const TIER_SHAPES: Readonly<Record<string, string>> = {
  safe: 'M8 2.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 0 0 0-11Z',
  suspicious: 'M8 1.800 14.600 13.600H1.400Z',
  destructive: 'M5.200 1.500h5.600l3.700 3.700v5.600l-3.700 3.700H5.200L1.500 10.800V5.200Z',
};

export function Tier({ risk }: { readonly risk: string | null }): VNode | null {
  if (risk === null || risk === '') {
    return null;
  }
  return (
    <span class={`tier tier-${risk}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={TIER_SHAPES[risk] ?? ''} />
      </svg>
      {risk}
    </span>
  );
}

export function Verdict({ verdict }: { readonly verdict: string | null }): VNode | null {
  if (verdict === null || verdict === '') {
    return null;
  }
  const words: Readonly<Record<string, string>> = { allow: 'allowed', deny: 'denied', approve: 'parked' };
  return <span class={`verdict verdict-${verdict}`}>{words[verdict] ?? verdict}</span>;
}

/** Text that an agent wrote, on one line, with everything hidden named. */
export function AgentText({ text }: { readonly text: string }): VNode {
  return (
    <span class="agent-text" dir="ltr">
      <Pieces pieces={splitLine(text.replaceAll(/\s*\r?\n\s*/g, ' ↵ '))} />
    </span>
  );
}

export function Pieces({ pieces }: { readonly pieces: readonly Piece[] }): VNode {
  return (
    <>
      {pieces.map((piece, index) =>
        piece.kind === 'plain' ? (
          piece.text
        ) : (
          <mark key={index} class={`piece-${piece.kind}`} title={TITLES[piece.kind]}>
            {piece.text}
          </mark>
        ),
      )}
    </>
  );
}

const TITLES = {
  hidden: 'A character that cannot be seen, or that moves the text around it',
  folded: 'Spaces that were folded here',
} as const;

/** How long ago, kept up to date. */
export function Ago({ time }: { readonly time: string }): VNode {
  return (
    <time dateTime={time} title={dateTime(time)}>
      {duration(nowMs.value - Date.parse(time))} ago
    </time>
  );
}

export function Copy({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }): VNode {
  const [done, setDone] = useState(false);
  const copy = (): void => {
    copyText(text).then(
      () => {
        setDone(true);
        setTimeout(() => setDone(false), 1_500);
      },
      () => undefined,
    );
  };
  return (
    <button type="button" class="quiet" onClick={copy}>
      {done ? 'Copied' : label}
    </button>
  );
}

/** The clipboard of a page without TLS on another host than this is closed; a selection still works there. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }): VNode {
  return (
    <div class="empty">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <path d="M14 9c4 9 4 20-2 30M24 7c4 11 4 23-2 34M35 9c4 9 4 20-2 30" />
      </svg>
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <section class="part">
      <header>
        <h3>{title}</h3>
        {aside === undefined ? null : <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** Names and values; what has no value is left out. */
export function Facts({
  rows,
}: {
  readonly rows: readonly (readonly [string, ComponentChildren | null | undefined])[];
}): VNode {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export function Spinner({ what }: { readonly what: string }): VNode {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {what}
    </p>
  );
}
