// packages/engine/schema/rule.schema.json -> the schema as a constant, the types, and a validator without eval.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';

const banner = '// Generated from schema/rule.schema.json by `npm run generate`. Do not edit.\n';

export async function ruleFiles(root) {
  const engine = join(root, 'packages/engine');
  const schema = JSON.parse(await readFile(join(engine, 'schema/rule.schema.json'), 'utf8'));
  const out = join(engine, 'src/generated');
  return [
    [join(out, 'rule-schema.ts'), `${banner}export const ruleSchema = ${JSON.stringify(schema, null, 2)} as const;\n`],
    [join(out, 'rule.ts'), banner + ruleTypes(schema)],
    [join(out, 'validate-rule.ts'), validator(schema)],
  ];
}

function validator(schema) {
  const ajv = new Ajv({
    allErrors: true,
    ownProperties: true,
    code: { source: true, esm: true },
  });
  const code = standaloneCode.default(ajv, ajv.compile(schema));
  // The one run-time import of the generated code: counting characters as JSON Schema does.
  const required = 'require("ajv/dist/runtime/ucs2length").default';
  if (!code.includes(required))
    throw new Error('the validator no longer imports ucs2length: adapt scripts/generate-rule.mjs');
  const body = code.replace('"use strict";', '').replace(required, 'characterCount');
  if (/\brequire\(|new Function|\beval\(/.test(body))
    throw new Error('the validator holds code that is not isomorphic');
  return `// @ts-nocheck\n${banner}import { characterCount } from '../character-count.js';\n${body}\n`;
}

function ruleTypes(schema) {
  const budget = schema.properties.budget;
  const named = new Map([
    [schema.properties.effect, 'Effect'],
    [budget.properties.risk, 'Risk'],
    [budget, 'Budget'],
  ]);
  return [
    `export type Effect = ${union(schema.properties.effect)};`,
    `export type Risk = ${union(budget.properties.risk)};`,
    `export interface Budget ${object(budget, () => false, named)}`,
    '/** A rule as people write it: what has a default may be left out. */',
    `export interface RuleInput ${object(schema, () => false, named)}`,
    '/** A rule with its defaults filled in; conditions still as written. */',
    `export interface Rule ${object(schema, (property) => 'default' in property, named)}`,
    '',
  ].join('\n');
}

function object(schema, alwaysThere, named) {
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const present = schema.required?.includes(name) || alwaysThere(property);
    const note = property.description ? `  /** ${property.description} */\n` : '';
    return `${note}  ${name}${present ? '' : '?'}: ${typeOf(property, named)};`;
  });
  return `{\n${lines.join('\n')}\n}`;
}

function typeOf(schema, named) {
  const name = named.get(schema);
  if (name) return name;
  if (schema.enum) return union(schema);
  switch (schema.type) {
    case 'string':
    case 'boolean':
      return schema.type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `readonly ${typeOf(schema.items, named)}[]`;
    case 'object':
      return 'Readonly<Record<string, unknown>>';
    default:
      throw new Error(`no type for ${JSON.stringify(schema)}`);
  }
}

function union(schema) {
  return schema.enum.map((value) => `'${value}'`).join(' | ');
}
