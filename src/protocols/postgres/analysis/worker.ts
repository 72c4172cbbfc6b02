// The thread that analyses long texts: the same analysis with a grammar of its own.
import { parentPort } from 'node:worker_threads';
import { analyseText } from './analyse.ts';
import { createGrammar } from './engine.ts';
import type { AnalysisReply, AnalysisRequest } from '../../sql/thread.ts';
import { compact } from '../../sql/compact.ts';
import type { TextOutline } from '../../sql/outline.ts';
import type { WalkOptions } from './walk.ts';

const grammar = await createGrammar();

parentPort?.on('message', (request: AnalysisRequest<WalkOptions>) => {
  void answer(request);
});

/** Waits only while a trapped instance is being replaced; a failure to make one ends the thread, which its owner notices. */
async function answer(request: AnalysisRequest<WalkOptions>): Promise<void> {
  await grammar.ready();
  const reply: AnalysisReply<TextOutline> = {
    id: request.id,
    outline: compact(analyseText(request.text, grammar, request.options)),
  };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
  parentPort?.postMessage(reply);
}
