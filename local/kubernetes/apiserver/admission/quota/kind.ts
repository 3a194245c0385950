/** The faults of a ResourceQuota. */
import { type FieldError, invalidField, notSupported } from '../../errors.ts';
import { type Json, type Obj, same } from '../../json.ts';
import { quantityOf } from '../quantities.ts';

const COUNTED = [
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
  'services.loadbalancers',
  'services.nodeports',
];
const MEASURED = ['cpu', 'ephemeral-storage', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]);
const STANDARD = new Set([...COUNTED, ...MEASURED, 'requests.storage']);
const HUGE = /^(requests\.)?hugepages-/;
const PODS_ONLY = ['BestEffort', 'NotBestEffort', 'NotTerminating', 'Terminating'];
const SCOPES = [...PODS_ONLY, 'CrossNamespacePodAffinity', 'PriorityClass', 'VolumeAttributesClass'];

function hardFaults(hard: Json): FieldError[] {
  return Object.keys(hard ?? {})
    .sort()
    .flatMap((name) => {
      const field = `spec.hard[${name}]`;
      if (!name.includes('/') && !STANDARD.has(name) && !HUGE.test(name))
        return [
          invalidField(field, name, 'must be a standard resource type or fully qualified'),
          invalidField(field, name, 'must be a standard resource for quota'),
        ];
      const { nano } = quantityOf(hard[name]);
      if (nano < 0n) return [invalidField(field, String(hard[name]), 'must be greater than or equal to 0')];
      const whole = COUNTED.includes(name) || name.includes('/');
      return whole && nano % 1_000_000_000n !== 0n
        ? [invalidField(field, String(hard[name]), 'must be an integer')]
        : [];
    });
}

function scopeFaults(spec: Json): FieldError[] {
  const scopes: string[] = spec?.scopes ?? [];
  const faults: FieldError[] = [];
  if (scopes.some((scope) => !SCOPES.includes(scope)))
    faults.push(invalidField('spec.scopes', scopes, 'unsupported scope'));
  const both = (a: string, b: string) => scopes.includes(a) && scopes.includes(b);
  if (both('BestEffort', 'NotBestEffort') || both('Terminating', 'NotTerminating'))
    faults.push(invalidField('spec.scopes', scopes, 'conflicting scopes'));
  const alone = scopes.includes('BestEffort') ? ['pods', 'count/pods'] : undefined;
  const hard = Object.keys(spec?.hard ?? {});
  if (
    scopes.length &&
    hard.some((name) =>
      alone
        ? !alone.includes(name)
        : !/^(pods|count\/pods|((requests|limits)\.)?(cpu|memory|ephemeral-storage|[^/]+\/.+))$/.test(name),
    )
  )
    faults.push(invalidField('spec.scopes', scopes, 'unsupported scope applied to resource'));
  for (const [i, { scopeName, operator }] of (spec?.scopeSelector?.matchExpressions ?? []).entries()) {
    const field = `spec.scopeSelector.matchExpressions[${i}]`;
    if (!SCOPES.includes(scopeName)) faults.push(notSupported(`${field}.scopeName`, scopeName, SCOPES));
    if (PODS_ONLY.includes(scopeName) && operator !== 'Exists')
      faults.push(
        invalidField(
          `${field}.operator`,
          operator,
          "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
  }
  return faults;
}

export const quotaFaults = ({ spec }: Obj): FieldError[] => [...hardFaults(spec?.hard), ...scopeFaults(spec)];

export const quotaUpdateFaults = (next: Obj, old: Obj): FieldError[] =>
  same([...(next.spec?.scopes ?? [])].sort(), [...(old.spec?.scopes ?? [])].sort())
    ? []
    : [invalidField('spec.scopes', next.spec?.scopes ?? null, 'field is immutable')];
