// The tree of what led to what. Our words stand plain; everybody else's are marked as theirs.
import type { VNode } from 'preact';
import type { ChainNodeJson } from '../../client/control-shapes.ts';
import { AgentText, Tier } from './parts.tsx';
import { linkTo } from './route.ts';
import { clockTime, dateTime } from './text.ts';

const WHOSE: Readonly<Record<Exclude<ChainNodeJson['whose'], null>, string>> = {
  outsiders: 'others wrote',
  agent: 'the agent’s word',
  model: 'a model’s words',
  person: 'said',
};
/** What an action did is its own text, and looks like one everywhere: no label. */
const UNLABELLED: ReadonlySet<ChainNodeJson['kind']> = new Set(['action']);

export function ChainTree({ nodes }: { readonly nodes: readonly ChainNodeJson[] }): VNode {
  return (
    <ol class="chain">
      {nodes.map((node, index) => (
        <Node key={`${node.at}${node.kind}${index}`} node={node} />
      ))}
    </ol>
  );
}

function Node({ node }: { readonly node: ChainNodeJson }): VNode {
  const { kind, id, at, text, words, whose, tone, children } = node;
  const [risk = '', ...where] = text.split(' ');
  return (
    <li class={`chain-node chain-${kind} tone-${tone ?? 'none'}`}>
      <div class="chain-line">
        <time dateTime={at} title={dateTime(at)}>
          {clockTime(at)}
        </time>
        <span class="chain-text">
          {kind === 'action' && id !== null ? (
            <>
              <Tier risk={risk} /> {where.join(' ')}{' '}
              <a class="chain-link" href={linkTo('activity', id)}>
                details
              </a>
            </>
          ) : (
            text
          )}
        </span>
      </div>
      {whose === null || words === '' ? null : (
        <p class={`chain-words whose-${whose}`}>
          {UNLABELLED.has(kind) ? null : <span class="whose">{WHOSE[whose]}: </span>}
          <AgentText text={words} />
        </p>
      )}
      {children.length === 0 ? null : <ChainTree nodes={children} />}
    </li>
  );
}
