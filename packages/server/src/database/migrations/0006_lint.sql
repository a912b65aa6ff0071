-- What the findings were made with, besides the lists in `lists_read`: settings and catalog. Where it is not what
-- stands now, findings are made anew. Findings from before this have another shape, so they are dropped.
alter table bundle add column lint_basis text not null default '';
update bundle set lint =
  '{"errors": [], "warnings": [], "info": [], "suppressed": [], "passed": false,
    "summary": {"total_rules": 0, "errors": 0, "warnings": 0, "info": 0, "suppressed": 0, "total_issues": 0}}';
