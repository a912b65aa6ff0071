/** Whether a row of `workspace` is a demo, as a column of a query. */
export const demoColumn = 'exists (select from demo where demo.workspace_id = workspace.id) as demo';
