-- What watches a bundle after its rollout: {up_to, baseline {decisions, failed, denied, unmatched}, levels {metric: level}}.
alter table rollout add column drift json;
