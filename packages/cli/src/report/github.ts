import type { Severity } from '@policy-studio/engine';
import { printable } from '../output.js';
import { explainedMessage, problemsOf, type Report } from './report.js';

const commands: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/** Workflow commands of GitHub Actions, a line each, which become annotations of the lines they name. */
export function githubText({ files }: Report): string {
  return files
    .flatMap((checked) =>
      problemsOf(checked)
        .filter(({ suppressed }) => suppressed === undefined)
        .map((problem) => {
          const { code, severity, place } = problem;
          const properties = {
            file: checked.file.name.replaceAll('\\', '/'),
            ...(place === null ? {} : { line: place.line, col: place.column }),
            title: `policy-studio ${code}`,
          };
          const listed = Object.entries(properties).map(
            ([name, value]) => `${name}=${propertyText(printable(String(value)))}`,
          );
          return `::${commands[severity]} ${listed.join(',')}::${dataText(explainedMessage(problem))}\n`;
        }),
    )
    .join('');
}

/** As the runner reads a command's data: without this, a message could hold a command of its own. */
function dataText(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function propertyText(text: string): string {
  return dataText(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
