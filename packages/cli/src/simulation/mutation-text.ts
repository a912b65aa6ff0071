import type { MutationReport } from '@policy-studio/engine';
import { count, plural, printable, type Style, share, shown } from '../output.js';

const survivorsShown = 10;

/** Which small changes of the rules no case notices, each with a case that would. */
export function mutationText(report: MutationReport, style: Style): string {
  const { possible, mutants, killed, survived, equivalent, undecided } = report;
  const open = killed + survived.length + undecided;
  const beyond = possible > mutants ? ` (of ${count(possible)} possible)` : '';
  const head = `${style.bold(`Changes noticed: ${count(killed)} of ${count(open)} (${share(killed, open)})`)}; ${plural(mutants, 'change')} tried${beyond}, ${count(equivalent)} proven to change no decision${undecided > 0 ? `, ${count(undecided)} undecided` : ''}\n`;
  const shownOnes = survived.slice(0, survivorsShown);
  const lines = shownOnes.flatMap(({ rule_id, description, case: { case_id: _, ...offered } }) => [
    `  ${printable(rule_id)}: ${printable(description)}\n`,
    `      ${style.dim('a case that would notice:')} ${shown(offered, 400)}\n`,
  ]);
  const more = survived.length > survivorsShown ? [`  and ${count(survived.length - survivorsShown)} more\n`] : [];
  if (survived.length === 0) return head;
  return [head, 'No case notices these:\n', ...lines, ...more].join('');
}
