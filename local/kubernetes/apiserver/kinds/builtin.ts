/** All built-in kinds. */
import { BINDING, POLICY } from '../admission/policies/kinds.ts';
import { CUSTOM_RESOURCE_DEFINITIONS } from '../custom/definition-kind.ts';
import { APPS } from './apps.ts';
import { CORE } from './core.ts';
import { EVENTS_GROUP } from './events.ts';
import type { Kind } from './kind.ts';
import { OTHERS } from './others.ts';
import { RBAC } from './rbac.ts';

export const BUILTIN: Kind[] = [
  ...CORE,
  ...APPS,
  ...RBAC,
  ...EVENTS_GROUP,
  ...OTHERS,
  POLICY,
  BINDING,
  CUSTOM_RESOURCE_DEFINITIONS,
];
