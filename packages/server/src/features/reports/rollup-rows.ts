/**
 * The roll-ups of decisions by minute, folded or not, with `$1` the workspace: a table named `counted` for a `from`.
 * `where` is said of each half, so that each uses its index.
 */
export function rollupRows(columns: string, where: string): string {
  return `(
    select ${columns} from decision_rollup where workspace_id = $1 and ${where}
    union all
    select ${columns} from decision_rollup_delta where workspace_id = $1 and ${where}
  ) counted`;
}
