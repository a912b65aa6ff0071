import type { MutationReport, SimulationCase } from '@policy-studio/engine';
import { count, plural, printable, type Style, share, shown } from '../output.js';

const survivorsShown = 10;

/** A case on one line: as a suite has it, or as a data set has it. Both are JSON, and so YAML. */
export function offeredCase({ case_id, ...one }: SimulationCase, forSuite: boolean): string {
  const { agent, action, context, expected_effect: effect, expected_rule: rule } = one;
  return shown(
    forSuite ? { name: case_id, agent, action, context, expect: { effect, rule } } : { case_id, ...one },
    4000,
  );
}

/** Which small changes of the rules no case notices, each with a case that would. */
export function mutationText(report: MutationReport, forSuite: boolean, style: Style): string {
  const { possible, mutants, killed, survived, equivalent, undecided } = report;
  const open = killed + survived.length + undecided;
  const beyond = possible > mutants ? ` (of ${count(possible)} possible)` : '';
  const head = `${style.bold(`Changes noticed: ${count(killed)} of ${count(open)} (${share(killed, open)})`)}; ${plural(mutants, 'change')} tried${beyond}, ${count(equivalent)} proven to change no decision${undecided > 0 ? `, ${count(undecided)} undecided` : ''}\n`;
  const shownOnes = survived.slice(0, survivorsShown);
  const lines = shownOnes.flatMap(({ rule_id, description, case: offered }) => [
    `  ${printable(rule_id)}: ${printable(description)}\n`,
    `      ${style.dim('a case that would notice:')} ${offeredCase(offered, forSuite)}\n`,
  ]);
  const more = survived.length > survivorsShown ? [`  and ${count(survived.length - survivorsShown)} more\n`] : [];
  if (survived.length === 0) return head;
  return [head, 'No case notices these:\n', ...lines, ...more].join('');
}
