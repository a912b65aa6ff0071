import { Table } from '@mantine/core';
import type { Answer } from '../../api/client.js';
import { GateVerdict, gateRow } from '../../domain/gates.js';
import { numberText } from '../../ui/figures.js';
import { Quoted } from '../../ui/Quoted.js';
import { sentence } from '../../ui/states.js';
import classes from './RolloutPage.module.css';

type Rollout = Answer<'rollouts', 'getRollout'>;

/**
 * Each gate with both arms, its limit, its verdict and the evidence in words; last how much was seen. Roles are written
 * out, as rows that are laid out as grids lose theirs.
 */
export function GateTable({ rollout }: { readonly rollout: Rollout }) {
  const { gates, evidence, share_pct, plan } = rollout;
  const own = share_pct === 0 ? evidence.shadow : evidence.canary;
  const { stable } = evidence;
  return (
    <Table role="table" className={classes.gates ?? ''} aria-label="Gates of this step">
      <Table.Thead role="rowgroup">
        <Table.Tr role="row">
          <Table.Th role="columnheader">Gate</Table.Th>
          <Table.Th role="columnheader" className={`${classes.figure} ${classes.own}`}>
            {share_pct === 0 ? 'Shadow' : 'Canary'}
          </Table.Th>
          <Table.Th role="columnheader" className={`${classes.figure} ${classes.wide}`}>
            Stable
          </Table.Th>
          <Table.Th role="columnheader" className={classes.wide ?? ''}>
            Limit
          </Table.Th>
          <Table.Th role="columnheader">Verdict</Table.Th>
          <Table.Th role="columnheader" className={classes.evidence ?? ''}>
            Evidence
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody role="rowgroup">
        {gates.map((gate) => {
          const row = gateRow(gate, stable);
          return (
            <Table.Tr role="row" key={gate.gate} data-open={gate.verdict !== 'pass' || undefined}>
              <Table.Td role="cell" className={classes.name ?? ''}>
                {row.name}
              </Table.Td>
              <Table.Td role="cell" className={`${classes.figure} ${classes.own}`}>
                {row.own}
              </Table.Td>
              <Table.Td role="cell" className={`${classes.figure} ${classes.stable} ${classes.wide}`}>
                {row.stable}
              </Table.Td>
              <Table.Td role="cell" className={`${classes.limit} ${classes.wide}`}>
                {row.limit}
              </Table.Td>
              <Table.Td role="cell">
                <GateVerdict verdict={gate.verdict} />
              </Table.Td>
              <Table.Td role="cell" className={classes.evidence ?? ''}>
                <Quoted text={sentence(gate.sentence)} />
              </Table.Td>
            </Table.Tr>
          );
        })}
        <Table.Tr role="row">
          <Table.Td role="cell" className={classes.name ?? ''}>
            Decisions
          </Table.Td>
          <Table.Td role="cell" className={`${classes.figure} ${classes.own}`}>
            {numberText(own.decisions)}
          </Table.Td>
          <Table.Td role="cell" className={`${classes.figure} ${classes.stable} ${classes.wide}`}>
            {numberText(stable.decisions)}
          </Table.Td>
          <Table.Td role="cell" className={`${classes.limit} ${classes.wide}`}>
            at least {numberText(plan.gates.min_sample_size)}
          </Table.Td>
          <Table.Td role="cell" />
          <Table.Td role="cell" className={classes.evidence ?? ''}>
            {outcomeWords(own.outcomes, own.decisions)} {numberText(own.principals)} sessions or keys asked.
          </Table.Td>
        </Table.Tr>
      </Table.Tbody>
    </Table>
  );
}

function outcomeWords(outcomes: number, decisions: number): string {
  if (decisions === 0) return 'None in this step yet.';
  return outcomes === 0 ? 'No outcome is reported yet.' : `Outcomes reported for ${numberText(outcomes)}.`;
}
