// The thread that analyses long texts: the same analysis.
import { parentPort } from 'node:worker_threads';
import type { AnalysisReply, AnalysisRequest } from '../../sql/thread.ts';
import { analyseText, type AnalyseOptions } from './analyse.ts';
import type { TextOutline } from './outline.ts';

parentPort?.on('message', (request: AnalysisRequest<AnalyseOptions>) => {
  const outline = analyseText(request.text, request.options);
  const reply: AnalysisReply<TextOutline> = { id: request.id, outline };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
  parentPort?.postMessage(reply);
});
