// A request as it would be sent, whole: every line numbered, nothing in it that the page obeys, nothing hidden.
import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { ApprovalJson } from '../../client/approval-shapes.ts';
import { AgentText, Copy, Pieces, Section } from './parts.tsx';
import { bytes, count, splitRequest, type Line } from './text.ts';

/** Lines that are drawn at once; the rest on demand, and before that nobody has seen it whole. */
const FIRST_LINES = 2_000;

export interface WholeView {
  readonly lines: readonly Line[];
  readonly whole: boolean;
  readonly showAll: () => void;
}

/** How much of the request is drawn. */
export function useWholeView({ request }: ApprovalJson): WholeView {
  const lines = useMemo(() => splitRequest(request.text), [request.text]);
  const [all, setAll] = useState(false);
  const whole = all || lines.length <= FIRST_LINES;
  return { lines: whole ? lines : lines.slice(0, FIRST_LINES), whole, showAll: () => setAll(true) };
}

export function Request({
  request,
  view,
}: {
  readonly request: ApprovalJson['request'];
  readonly view: WholeView;
}): VNode {
  return (
    <Section
      title="The request"
      aside={
        <>
          <span class="muted">
            {bytes(request.bytes)}, {request.complete ? 'complete' : 'cut'}
          </span>
          <Copy text={request.text} />
        </>
      }
    >
      <RequestText view={view} />
      {view.whole ? null : (
        <button type="button" class="wide" onClick={view.showAll}>
          Show the rest. You can approve once you have the whole request before you.
        </button>
      )}
      {request.complete ? null : (
        <p class="warn">
          The request is cut: {bytes(new Blob([request.text]).size)} of {bytes(request.bytes)} are shown, and the rest
          was not kept. The digest covers all of it.
        </p>
      )}
      <Parameters values={request.parameters} />
      <p class="digest">
        <span class="muted">SHA-256</span> <code>{request.digest}</code>
      </p>
    </Section>
  );
}

export function RequestText({ view }: { readonly view: Pick<WholeView, 'lines'> }): VNode {
  return (
    <div class="request" role="region" aria-label="Text of the request" tabIndex={0} dir="ltr">
      {view.lines.map((line, index) =>
        line.kind === 'gap' ? (
          <div key={index} class="gap">
            {count(line.count)} empty lines
          </div>
        ) : (
          <div key={index} class="line" data-number={line.number}>
            <Pieces pieces={line.pieces} />
          </div>
        ),
      )}
    </div>
  );
}

function Parameters({ values }: { readonly values: readonly (string | null)[] }): VNode | null {
  return values.length === 0 ? null : (
    <dl class="facts mono">
      {values.map((value, index) => (
        <div key={index}>
          <dt>${index + 1}</dt>
          <dd>{value === null ? <em>NULL</em> : <AgentText text={value} />}</dd>
        </div>
      ))}
    </dl>
  );
}
