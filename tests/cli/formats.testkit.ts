import { readFileSync } from 'node:fs';
import AjvDraft04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import { SaxesParser } from 'saxes';

const Ajv = AjvDraft04 as unknown as typeof AjvDraft04.default;
const schema = JSON.parse(
  readFileSync(new URL('./sarif-schema/sarif-2.1.0-rtm.5.json', import.meta.url), 'utf8'),
) as object;
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
(addFormats as unknown as typeof addFormats.default)(ajv);
const validate = ajv.compile(schema);

export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation: {
      readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
      readonly region?: { readonly startLine: number; readonly startColumn: number };
    };
  }[];
  readonly relatedLocations?: readonly { readonly message: { readonly text: string } }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly suppressions?: readonly { readonly kind: string; readonly justification: string }[];
}

export interface SarifLog {
  readonly version: string;
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
      readonly results: readonly SarifResult[];
    },
  ];
}

/** A SARIF log that the standard's schema accepts; throws with what it says otherwise. */
export function readSarif(text: string): SarifLog {
  const log: unknown = JSON.parse(text);
  if (!validate(log)) throw new Error(JSON.stringify(validate.errors?.slice(0, 5), null, 2));
  return log as SarifLog;
}

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

/** A well-formed XML document; throws at the first fault. */
export function readXml(document: string): Element {
  interface Open {
    name: string;
    attributes: Record<string, string>;
    children: Open[];
    text: string;
  }
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element: Open = { name, attributes: attributes as Record<string, string>, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(document).close();
  const [element] = root.children;
  if (element === undefined) throw new Error('no element');
  return element;
}

export interface Annotation {
  readonly command: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

/** The workflow commands of a step's output, as the runner reads them (actions/runner, ActionCommand.TryParseV2). */
export function readAnnotations(output: string): Annotation[] {
  const unescapeData = (text: string) => text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
  const unescapeProperty = (text: string) => unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
  return output
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => {
      const end = line.indexOf('::', 2);
      if (!line.startsWith('::') || end === -1) throw new Error(`no workflow command: ${line}`);
      const [, command = '', listed = ''] = /^(\S+)(?: (.*))?$/.exec(line.slice(2, end)) ?? [];
      const properties = listed.split(',').map((property): [string, string] => {
        const [name = '', ...value] = property.split('=');
        return [name, unescapeProperty(value.join('='))];
      });
      return { command, properties: Object.fromEntries(properties), message: unescapeData(line.slice(end + 2)) };
    });
}
