/** A value the server cannot run with. `message` is one line: which variable, what is wrong, what would do. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}
