export { exitCodes } from './exit-code.js';
export { runCommandLine } from './program.js';
