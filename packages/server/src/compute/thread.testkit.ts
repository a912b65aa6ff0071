import type { MessagePort } from 'node:worker_threads';
import { answerCalls } from './answer-calls.js';

/** A thread whose tasks do what a test of the pool needs. */
answerCalls({
  double: (input: number) => input * 2,
  fail: (input: string) => {
    throw new TypeError(input);
  },
  exit: () => process.exit(3),
  uncloneable: () => () => 1,
  exhaust: () => {
    const kept: string[][] = [];
    for (;;) kept.push(new Array(100_000).fill('').map((_, index) => `${index}`));
  },
  spin: () => {
    for (;;);
  },
  ask: (port: MessagePort) =>
    new Promise((resolve) => {
      port.once('message', (answer: number) => {
        port.close();
        resolve(answer);
      });
      port.postMessage('how many?');
    }),
  sum: async (names: string[], { ask }) => {
    let sum = 0;
    for (const name of names) sum += (await ask(name)) as number;
    return sum;
  },
  count: async (input: number, { progress }) => {
    for (let done = 0; done < input; done++) {
      progress(done, input);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    return input;
  },
});
