export { RuleList } from './RuleList.js';
export { readRules } from './rule-document.js';
