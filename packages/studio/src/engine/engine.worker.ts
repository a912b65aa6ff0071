import type { EngineCall, EngineReply } from './protocol.js';
import { createTasks } from './tasks.js';

const tasks = createTasks();

addEventListener('message', ({ data: { id, task, input } }: MessageEvent<EngineCall>) => {
  const started = performance.now();
  let reply: EngineReply;
  try {
    const answer = tasks[task](input as never);
    reply = { id, answer, ms: performance.now() - started };
  } catch (error) {
    reply = { id, fault: error instanceof Error ? error.message : String(error) };
  }
  postMessage(reply);
});
