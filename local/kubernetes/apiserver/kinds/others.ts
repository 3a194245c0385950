/** The kinds of the smaller groups: leases, slices, policies, classes, budgets, and the reviews that are answered and never stored. */
import { type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import { at, type Json, type Obj, same } from '../json.ts';
import { AGE, column, NAME, number, text } from './columns.ts';
import { define, generationOfSpec } from './define.ts';
import { sliceFaults, sliceUpdateFaults } from './endpoint-validation.ts';
import type { Kind } from './kind.ts';
import { labelSelectorFaults } from './label-selector.ts';
import { networkpolicies } from './network-policies.ts';

const lease = define('coordination.k8s.io', 'v1', 'io.k8s.api.coordination.v1', 'Lease', 'leases', {
  columns: [NAME, column('Holder', text('spec.holderIdentity')), AGE],
  createOnUpdate: true,
  conditionalUpdate: true,
  validate: (object) => {
    const { leaseDurationSeconds, leaseTransitions } = object.spec ?? {};
    return [
      ...(leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0
        ? [invalidField('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0')]
        : []),
      ...(leaseTransitions < 0
        ? [invalidField('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0')]
        : []),
    ];
  },
});

const endpointslices = define('discovery.k8s.io', 'v1', 'io.k8s.api.discovery.v1', 'EndpointSlice', 'endpointslices', {
  generation: (next, old) =>
    JSON.stringify([next.endpoints, next.ports]) !== JSON.stringify([old.endpoints, old.ports]),
  columns: [
    NAME,
    column('AddressType', text('addressType')),
    column('Ports', (slice) => (slice.ports ?? []).map(({ port }: Json) => port ?? '*').join(',') || '<unset>'),
    column('Endpoints', (slice) => {
      const all = (slice.endpoints ?? []).flatMap(({ addresses }: Json) => addresses ?? []);
      return all.length === 0
        ? '<unset>'
        : all.length > 3
          ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...`
          : all.join(',');
    }),
    AGE,
  ],
  defaults(slice) {
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: sliceFaults,
  validateUpdate: sliceUpdateFaults,
});

const storageclasses = define('storage.k8s.io', 'v1', 'io.k8s.api.storage.v1', 'StorageClass', 'storageclasses', {
  singular: 'storageclass',
  shortNames: ['sc'],
  namespaced: false,
  columns: [
    column(
      'Name',
      ({ metadata }) =>
        metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
          ? `${metadata.name} (default)`
          : metadata.name,
      { format: 'name' },
    ),
    column('Provisioner', text('provisioner')),
    column('ReclaimPolicy', text('reclaimPolicy', 'Delete')),
    column('VolumeBindingMode', text('volumeBindingMode', '<unset>')),
    column('AllowVolumeExpansion', (object) => object.allowVolumeExpansion ?? false),
    AGE,
  ],
  defaults(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },
  validate: (object) => [
    ...(object.provisioner ? [] : [required('provisioner')]),
    ...(['Delete', 'Retain'].includes(object.reclaimPolicy)
      ? []
      : [notSupported('reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain'])]),
    ...(['Immediate', 'WaitForFirstConsumer'].includes(object.volumeBindingMode)
      ? []
      : [notSupported('volumeBindingMode', object.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'])]),
  ],
  validateUpdate: (next, old) => [
    ...['parameters', 'provisioner', 'reclaimPolicy']
      .filter((field) => !same(next[field], old[field]))
      .map((field) => forbiddenField(field, `updates to ${field} are forbidden.`)),
    ...(next.volumeBindingMode === old.volumeBindingMode
      ? []
      : [invalidField('volumeBindingMode', next.volumeBindingMode, 'field is immutable')]),
  ],
});

/** Of classes that people make; the system's own are above. */
const HIGHEST_PRIORITY = 1_000_000_000;
const PRIORITY_STORAGE = 'scheduling.k8s.io/priorityclasses';

const priorityclasses = define(
  'scheduling.k8s.io',
  'v1',
  'io.k8s.api.scheduling.v1',
  'PriorityClass',
  'priorityclasses',
  {
    singular: 'priorityclass',
    shortNames: ['pc'],
    namespaced: false,
    generation: () => false,
    columns: [
      NAME,
      number('Value', (object) => object.value ?? 0),
      column('Global-Default', (object) => object.globalDefault ?? false, { type: 'boolean' }),
      AGE,
      column('PreemptionPolicy', text('preemptionPolicy')),
    ],
    defaults(object) {
      object.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    validate: (object, around) => [
      ...(object.metadata.name?.startsWith('system-') && !around.find(PRIORITY_STORAGE, undefined, object.metadata.name)
        ? [
            forbiddenField(
              'metadata.name',
              `priority class names with 'system-' prefix are reserved for system use only. error: ${object.metadata.name} is not a known system priority class`,
            ),
          ]
        : []),
      ...(object.value > HIGHEST_PRIORITY && !object.metadata.name?.startsWith('system-')
        ? [forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST_PRIORITY}`)]
        : []),
      ...(['Never', 'PreemptLowerPriority'].includes(object.preemptionPolicy)
        ? []
        : [notSupported('preemptionPolicy', object.preemptionPolicy, ['Never', 'PreemptLowerPriority'])]),
    ],
    validateUpdate: (next, old) =>
      (['value', 'preemptionPolicy'] as const)
        .filter((field) => next[field] !== old[field])
        .map((field) =>
          field === 'value'
            ? forbiddenField(field, 'may not be changed in an update.')
            : invalidField(field, next[field], 'field is immutable'),
        ),
  },
);

const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];
const PERCENT_TEXT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

const poddisruptionbudgets = define(
  'policy',
  'v1',
  'io.k8s.api.policy.v1',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
  {
    shortNames: ['pdb'],
    status: true,
    generation: generationOfSpec,
    conditionalUpdate: true,
    columns: [
      NAME,
      column('Min Available', (budget) => String(at(budget, 'spec.minAvailable') ?? 'N/A')),
      column('Max Unavailable', (budget) => String(at(budget, 'spec.maxUnavailable') ?? 'N/A')),
      number('Allowed Disruptions', (budget) => at(budget, 'status.disruptionsAllowed') ?? 0),
      AGE,
    ],
    validate: ({ spec = {} }) => {
      const { minAvailable, maxUnavailable, selector = null } = spec;
      const faults: FieldError[] = [];
      if (minAvailable !== undefined && maxUnavailable !== undefined) {
        const go = {
          MinAvailable: minAvailable,
          Selector: selector,
          MaxUnavailable: maxUnavailable,
          UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
        };
        faults.push(invalidField('spec', go, 'minAvailable and maxUnavailable cannot be both set'));
      }
      for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
        if (typeof value === 'string' && !/^\d+%$/.test(value))
          faults.push(invalidField(`spec.${name}`, value, PERCENT_TEXT));
        else if (typeof value === 'string' && Number.parseInt(value, 10) > 100)
          faults.push(invalidField(`spec.${name}`, value, 'must not be greater than 100%'));
        if (typeof value === 'number' && value < 0)
          faults.push(invalidField(`spec.${name}`, value, 'must be greater than or equal to 0'));
      }
      faults.push(...labelSelectorFaults('spec.selector', selector));
      const policy = spec.unhealthyPodEvictionPolicy;
      if (policy !== undefined && !EVICTION_POLICIES.includes(policy))
        faults.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, EVICTION_POLICIES));
      return faults;
    },
    prepareCreate(budget: Obj) {
      budget.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    },
  },
);

/** From which services get their addresses; here there is only the cluster's own range, which the server itself writes. */
const servicecidrs = define('networking.k8s.io', 'v1', 'io.k8s.api.networking.v1', 'ServiceCIDR', 'servicecidrs', {
  namespaced: false,
  status: true,
  generation: generationOfSpec,
  columns: [NAME, column('CIDRs', (range) => (at(range, 'spec.cidrs') ?? []).join(',')), AGE],
  validate: ({ spec = {} }) => (spec.cidrs?.length ? [] : [required('spec.cidrs', 'at least one CIDR required')]),
  validateUpdate: (next, old) =>
    same(next.spec, old.spec) ? [] : [invalidField('spec.cidrs', next.spec?.cidrs ?? null, 'field is immutable')],
});

const review = (group: string, pkg: string, kind: string, resource: string, namespaced = false): Kind =>
  define(group, 'v1', pkg, kind, resource, { namespaced, verbs: ['create'], virtual: true, columns: [] });

export const OTHERS: Kind[] = [
  lease,
  endpointslices,
  networkpolicies,
  servicecidrs,
  storageclasses,
  priorityclasses,
  poddisruptionbudgets,
  review('authentication.k8s.io', 'io.k8s.api.authentication.v1', 'TokenReview', 'tokenreviews'),
  review('authentication.k8s.io', 'io.k8s.api.authentication.v1', 'SelfSubjectReview', 'selfsubjectreviews'),
  review('authorization.k8s.io', 'io.k8s.api.authorization.v1', 'SubjectAccessReview', 'subjectaccessreviews'),
  review('authorization.k8s.io', 'io.k8s.api.authorization.v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  review('authorization.k8s.io', 'io.k8s.api.authorization.v1', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews'),
  review(
    'authorization.k8s.io',
    'io.k8s.api.authorization.v1',
    'LocalSubjectAccessReview',
    'localsubjectaccessreviews',
    true,
  ),
];
