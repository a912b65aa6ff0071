import { answerCalls } from './answer-calls.js';
import { tasks } from './tasks.js';

answerCalls(tasks);
