/** Templates: those built in, and what a template and the wishes of a person make of a seat (DESIGN §1; the seed's three claims, seed-systems §1.3). */
import { AppError, type FieldError } from '../contract/errors.ts';
import type { SeatSpec } from '../contract/seat.ts';
import { HOME_VOLUME, Template, type TemplateParameter } from '../contract/template.ts';
import { matches } from './pattern.ts';
import { sized } from './workspace-change.ts';

/** Where the images of `images/` are published; their major version. */
const image = (name: string): string => `ghcr.io/roadstead/${name}:1`;

const BODIES: readonly (Pick<Template, 'name' | 'title' | 'description'> & Partial<Template>)[] = [
  {
    name: 'claude-terraform',
    title: 'Claude Code and Terraform',
    description:
      'Claude Code and Terraform; the work, the shell history and the settings of Claude each on a volume of their own.',
    // What the seed's image was given as variables and its programs look for there.
    environment: [
      'ANTHROPIC_API_KEY',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'GITHUB_TOKEN',
      'LANGFUSE_HOST',
      'LANGFUSE_PUBLIC_KEY',
      'LANGFUSE_SECRET_KEY',
      'TFE_TOKEN',
    ],
    volumes: [
      { name: 'workspace', size: '10Gi', mounts: [{ mountPath: '/workspace' }] },
      { name: 'bash-history', size: '1Gi', mounts: [{ mountPath: '/commandhistory' }] },
      { name: 'claude-config', size: '1Gi', mounts: [{ mountPath: '/home/node/.claude' }] },
    ],
  },
  { name: 'node', title: 'Node.js', description: 'Node.js with npm, git, zsh and tmux; one home that stays.' },
  { name: 'python', title: 'Python', description: 'Python with uv, git, zsh and tmux; one home that stays.' },
  { name: 'go', title: 'Go', description: 'Go with git, zsh and tmux; one home that stays.' },
  {
    name: 'gpu-notebook',
    title: 'Notebook with a GPU',
    description: 'JupyterLab and Python on one GPU; for clusters whose admin has made a profile "gpu".',
    profile: 'gpu',
    resources: { requests: { cpu: '2', memory: '8Gi' }, limits: { cpu: '4', memory: '16Gi' }, gpus: 1 },
  },
];

/** By name; their version counts changes of what they make. */
export const BUILTIN: ReadonlyMap<string, Template> = new Map(
  BODIES.map((body) => [
    body.name,
    Template.parse({ version: '1', source: 'builtin', image: image(body.name), volumes: [HOME_VOLUME], ...body }),
  ]),
);

/** What a person says of their seat beyond the template. */
export interface Given {
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly image?: string | undefined;
  readonly resources?: SeatSpec['resources'] | undefined;
  /** Sizes by volume name. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly idleTimeoutSeconds?: number | undefined;
  readonly git: SeatSpec['git'];
}

type FromTemplate = Pick<
  SeatSpec,
  'template' | 'image' | 'profile' | 'resources' | 'volumes' | 'parameters' | 'idleTimeoutSeconds' | 'git'
>;

/** The part of a seat's spec that its template decides. Throws `template.parameter_invalid` and `workspace.volume_unknown`. */
export const resolveTemplate = (template: Template, given: Given): FromTemplate => ({
  template: { name: template.name, version: template.version },
  image: given.image ?? template.image,
  profile: template.profile,
  resources: given.resources ?? template.resources,
  volumes: sized(template.volumes, given.volumes, { mayShrink: true }),
  parameters: parametersOf(template, given.parameters),
  idleTimeoutSeconds: given.idleTimeoutSeconds ?? template.idleTimeoutSeconds,
  git: given.git,
});

/** The values of the parameters as text, defaults filled in; every one that does not fit is named. */
export const parametersOf = (
  { parameters, required }: Pick<Template, 'parameters' | 'required'>,
  given: Given['parameters'],
): Record<string, string> => {
  const errors: FieldError[] = [];
  const wrong = (name: string, message: string): void => {
    errors.push({ path: `parameters.${name}`, message });
  };
  for (const name of Object.keys(given))
    if (!Object.hasOwn(parameters, name))
      wrong(name, `there is no such parameter; the template has ${listed(Object.keys(parameters))}`);
  const values: Record<string, string> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const value = Object.hasOwn(given, name) ? given[name] : parameter.default;
    if (value === undefined) {
      if (required.includes(name)) wrong(name, 'required');
      continue;
    }
    const message = misfit(parameter, value);
    if (message === null) values[name] = String(value);
    else wrong(name, message);
  }
  if (errors.length > 0)
    throw new AppError('template.parameter_invalid', {
      detail: errors.length === 1 ? 'one parameter cannot be taken' : `${errors.length} parameters cannot be taken`,
      errors,
    });
  return values;
};

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));

/** Why the value does not fit its parameter, or null. */
const misfit = (parameter: TemplateParameter, value: string | number | boolean): string | null => {
  const { type, minLength, maxLength, minimum, maximum, pattern } = parameter;
  if (type === 'integer' ? !Number.isInteger(value) : typeof value !== type) return `must be of type ${type}`;
  if (parameter.enum !== undefined && !parameter.enum.some((each) => each === value))
    return `must be one of ${parameter.enum.join(', ')}`;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'must be a finite number';
    if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
    if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
  }
  if (typeof value === 'string') {
    if (minLength !== undefined && value.length < minLength) return `must have at least ${minLength} characters`;
    if (maxLength !== undefined && value.length > maxLength) return `must have at most ${maxLength} characters`;
    if (/[\0]/.test(value)) return 'must not contain the character NUL';
    const fits = pattern === undefined || matches(pattern, value);
    if (fits === 'slow')
      return `the pattern ${pattern} takes too long to decide: repetitions within repetitions make it try every way; the template needs a plainer one`;
    if (!fits) return `must match ${pattern}`;
  }
  return null;
};
