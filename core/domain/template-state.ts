/** What is kept of a team's template: its newest release, and each release as it was. */
import type { Template } from '../contract/template.ts';

export interface TemplateState extends Omit<Template, 'version' | 'source' | 'team' | 'createdAt' | 'createdBy'> {
  readonly entity: 'Template';
  /** `<team>/<name>`, or `<team>/<name>@<release>` for what never changes. */
  readonly id: string;
  /** Every commit. */
  readonly version: number;
  readonly team: string;
  /** `1`, `2`, …: what people call its version. */
  readonly release: string;
  /** This item is one release; without it, the item is the newest one. */
  readonly frozen?: true | undefined;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly deletedAt?: string | undefined;
}

/** What the API answers. */
export const toTemplate = ({
  entity: _,
  id: __,
  version: ___,
  frozen: ____,
  deletedAt: _____,
  release,
  ...template
}: TemplateState): Template => ({ ...template, version: release, source: 'team' });
