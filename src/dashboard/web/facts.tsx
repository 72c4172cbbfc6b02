// How a request was read, as names and values: on the card of what waits, and in the log.
import type { VNode } from 'preact';
import { AgentText } from './parts.tsx';

/** How conditions see `row_limit` where a statement has none: the largest number. */
const NO_LIMIT = '9223372036854775807';

/** Nested facts as `sql.tables` and values as JSON. */
export function flatten(facts: unknown, prefix: string = ''): readonly (readonly [string, string])[] {
  if (Array.isArray(facts) && facts.some((item) => typeof item === 'object' && item !== null)) {
    return facts.flatMap((item, index) => flatten(item, facts.length === 1 ? prefix : `${prefix}[${index}]`));
  }
  if (typeof facts === 'object' && facts !== null && !Array.isArray(facts)) {
    return Object.entries(facts).flatMap(([name, value]) => flatten(value, prefix === '' ? name : `${prefix}.${name}`));
  }
  if (facts === NO_LIMIT && prefix.endsWith('row_limit')) {
    return [[prefix, 'unlimited']];
  }
  return [[prefix, typeof facts === 'string' ? facts : JSON.stringify(facts)]];
}

/** Facts repeat the request in other words: they stay folded until a person opens them to see how it was read. */
export function ReadFacts({ facts }: { readonly facts: unknown }): VNode | null {
  if (facts === null || facts === undefined) {
    return null;
  }
  const rows = flatten(facts);
  return (
    <details class="part">
      <summary>
        How the gateway read it ({rows.length} {rows.length === 1 ? 'fact' : 'facts'})
      </summary>
      <dl class="facts mono">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <AgentText text={value} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
