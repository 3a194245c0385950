/** Accepting a finding of cdk-nag: only with a reason, on the construct it is about. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Accepts findings on a construct and all below it: rule (or `rule[finding]`) → why that is right here. */
export const accept = (construct: IConstruct, findings: Readonly<Record<string, string>>): void => {
  Validations.of(construct).acknowledge(...Object.entries(findings).map(([id, reason]) => ({ id, reason })));
};
