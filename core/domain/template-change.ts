/** What is done to a team's template: a new release, and its end; what was released never changes (DESIGN §1). */
import { AppError, type FieldError } from '../contract/errors.ts';
import type { NewTemplate } from '../contract/template.ts';
import type { Decision } from './decision.ts';
import { faultOf } from './pattern.ts';
import type { TemplateState } from './template-state.ts';
import { BUILTIN, parametersOf } from './templates.ts';

export interface TemplateDecision extends Decision {
  readonly next: TemplateState;
}

interface By {
  readonly team: string;
  readonly actor: string;
}

/** What is wrong with the schema itself, by parameter. */
const faults = ({ parameters, required }: NewTemplate): FieldError[] => [
  ...required
    .filter((name) => !Object.hasOwn(parameters, name))
    .map((name) => ({ path: 'required', message: `there is no parameter "${name}"` })),
  ...Object.entries(parameters).flatMap(([name, { pattern }]) => {
    const fault = pattern === undefined ? null : faultOf(pattern);
    return fault === null ? [] : [{ path: `parameters.${name}.pattern`, message: fault }];
  }),
];

/** Releases a template: the next version of the team's own, from 1. Throws for the name of a built-in one and for a schema whose own defaults do not fit it. */
export const releaseTemplate = (
  before: TemplateState | null,
  { team: _, ...body }: NewTemplate,
  { team, actor }: By,
  now: string,
): TemplateDecision => {
  if (BUILTIN.has(body.name)) throw new AppError('template.name_builtin', { detail: `"${body.name}" is built in` });
  const errors = faults({ ...body, team });
  if (errors.length > 0)
    throw new AppError('template.parameter_invalid', {
      detail: 'the schema of the parameters cannot be taken',
      errors,
    });
  // Defaults alone must make a pod, but for what is required.
  parametersOf({ parameters: body.parameters, required: [] }, {});
  const release = String(Number(before?.release ?? 0) + 1);
  const next: TemplateState = {
    ...body,
    entity: 'Template',
    id: `${team}/${body.name}`,
    version: (before?.version ?? 0) + 1,
    team,
    release,
    createdAt: now,
    createdBy: actor,
  };
  const frozen: TemplateState = { ...next, id: `${next.id}@${release}`, version: 1, frozen: true };
  return {
    next,
    writes: [
      { before, next },
      { before: null, next: frozen },
    ],
    claims: [],
    audit: [{ team, actor, action: 'template.release', resource: next.id, detail: { release } }],
  };
};

/** Takes it off the list. Pods that were made from it stay; a later release goes on counting. */
export const withdrawTemplate = (before: TemplateState, { team, actor }: By, now: string): TemplateDecision => {
  const next: TemplateState = { ...before, version: before.version + 1, deletedAt: now };
  return {
    next,
    writes: [{ before, next }],
    claims: [],
    audit: [{ team, actor, action: 'template.withdraw', resource: next.id }],
  };
};
