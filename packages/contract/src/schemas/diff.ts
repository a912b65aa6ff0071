import Type, { type Static } from 'typebox';
import { ProblemItem } from '../problem.js';
import { Version } from './bundle.js';
import { Witness } from './lint.js';
import { Effect, Id, NamePattern, Nullable } from './vocabulary.js';

const Rule = Type.Record(Type.String(), Type.Unknown());
const deciding = Type.Object(
  { from: Nullable(Type.String()), to: Nullable(Type.String()) },
  { description: 'Ids of the rules that decide the witness; null: the default effect.' },
);
const kind = {
  agent: NamePattern,
  action: NamePattern,
  from: Effect,
  to: Type.Enum(['allow', 'deny', 'needs_approval'], {
    description: 'The same as `from` where only budget or approvers change.',
  }),
  rules: deciding,
};

export const SemanticDiff = Type.Object(
  {
    equal: Type.Boolean({ description: 'Proven: every request is decided alike, budgets and approvers included.' }),
    undecided: Type.Array(
      Type.Object(
        { ...kind, reason: Type.String() },
        { description: 'May or may not change; never to be read as no.' },
      ),
    ),
    changes: Type.Array(
      Type.Object({
        ...kind,
        witness: Witness,
        recorded: Type.Integer({ description: 'Recorded requests of this kind, of those that `traffic` tells of.' }),
      }),
    ),
  },
  { $id: 'SemanticDiff' },
);
export type SemanticDiff = Static<typeof SemanticDiff>;

export const BundleDiff = Type.Object(
  {
    version_a: Version,
    version_b: Version,
    rules_added: Type.Array(Rule),
    rules_removed: Type.Array(Rule),
    rules_modified: Type.Array(
      Type.Object({
        id: Type.String(),
        before: Rule,
        after: Rule,
        changed_fields: Type.Array(Type.String(), { description: 'Members that differ, defaults filled in.' }),
      }),
    ),
    summary: Type.Object({
      added: Type.Integer(),
      removed: Type.Integer(),
      modified: Type.Integer(),
      unchanged: Type.Integer(),
    }),
    semantic: Nullable(SemanticDiff),
    faults: Type.Array(ProblemItem, {
      description: 'Why there is no `semantic`: what keeps a bundle from deciding, with pointers such as `/a/rules/0`.',
    }),
    traffic: Nullable(
      Type.Object(
        {
          days: Type.Integer(),
          requests: Type.Integer({ description: 'Recorded in these days: the newest 10,000, or all if fewer.' }),
          replayable: Type.Integer({ description: 'Those of them whose record has all that both bundles read.' }),
          changed: Type.Integer({ description: 'Those of these that the two bundles decide differently.' }),
        },
        { description: 'Null without `semantic`.' },
      ),
    ),
  },
  { $id: 'BundleDiff' },
);
export type BundleDiff = Static<typeof BundleDiff>;

export const DiffParams = Type.Object({ id: Id, compare_id: Id });
export const DiffQuery = Type.Object({
  days: Type.Integer({ minimum: 0, maximum: 365, default: 7, description: 'Of recorded requests; 0: none.' }),
});
