import { Page, Section } from '../../ui/Page.js';
import { InForceNow } from './InForceNow.js';
import { LatestChanges } from './LatestChanges.js';
import classes from './OverviewPage.module.css';
import { StepFigures } from './StepFigures.js';
import { WaitingForPeople } from './WaitingForPeople.js';

/** What is in force, whether it is well, and what waits. */
export default function OverviewPage() {
  return (
    <Page title="Overview" hideTitle>
      <Section first>
        <InForceNow />
      </Section>
      <StepFigures />
      <div className={classes.columns}>
        <Section title="Latest changes">
          <LatestChanges />
        </Section>
        <Section title="Waiting for people">
          <WaitingForPeople />
        </Section>
      </div>
    </Page>
  );
}
