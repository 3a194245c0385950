/** The kinds of the group apps. */
import { type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import { at, isMap, type Json, type Obj, same } from '../json.ts';
import { AGE, column, int, NAME, number, SELECTOR_WIDE, selectorText, WORKLOAD_WIDE } from './columns.ts';
import { define, generationOfSpec } from './define.ts';
import { notNegative } from './field-rules.ts';
import type { Kind, Scale } from './kind.ts';
import { labelSelectorFaults, selects } from './label-selector.ts';
import { defaultTemplate } from './pod-defaults.ts';
import { podSpecFaults } from './pod-validation.ts';
import { podWarnings } from './pod-warnings.ts';

const apps = (kind: string, resource: string, own: Parameters<typeof define>[5]): Kind =>
  define('apps', 'v1', 'io.k8s.api.apps.v1', kind, resource, own);

const scale: Scale = {
  spec: 'spec.replicas',
  status: 'status.replicas',
  selector: (object) => selectorText(at(object, 'spec.selector')).replace('<none>', ''),
};

const ready = (object: Obj): string => `${at(object, 'status.readyReplicas') ?? 0}/${at(object, 'spec.replicas') ?? 0}`;

function workloadFaults(object: Obj): FieldError[] {
  const spec = object.spec ?? {};
  const faults: FieldError[] = [];
  if (spec.replicas < 0)
    faults.push(invalidField('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  const selector = spec.selector;
  const empty =
    !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && !(selector.matchExpressions ?? []).length);
  faults.push(...labelSelectorFaults('spec.selector', selector));
  if (!selector) faults.push(required('spec.selector'));
  else if (empty)
    faults.push(invalidField('spec.selector', selector, `empty selector is invalid for ${object.kind.toLowerCase()}`));
  if (!empty ? !selects(selector, spec.template?.metadata?.labels) : !selector) {
    faults.push(
      invalidField(
        'spec.template.metadata.labels',
        spec.template?.metadata?.labels ?? null,
        '`selector` does not match template `labels`',
      ),
    );
  }
  // A StatefulSet's claims are volumes of its pods.
  const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }: Json) => ({
    name: metadata?.name,
    emptyDir: {},
  }));
  const pod = spec.template?.spec ?? {};
  faults.push(
    ...podSpecFaults(
      'spec.template.spec',
      claims.length ? { ...pod, volumes: [...(pod.volumes ?? []), ...claims] } : pod,
    ),
  );
  const policy = spec.template?.spec?.restartPolicy;
  if (policy === 'OnFailure' || policy === 'Never') {
    faults.push({
      type: 'NotSupported',
      field: 'spec.template.spec.restartPolicy',
      message: `Unsupported value: ${JSON.stringify(policy)}: supported values: "Always"`,
    });
  }
  return faults;
}

const workloadWarnings = ({ spec }: Obj): string[] => podWarnings('spec.template.spec', spec?.template?.spec ?? {});

const selectorFrozen = (next: Obj, old: Obj): FieldError[] =>
  same(at(next, 'spec.selector'), at(old, 'spec.selector'))
    ? []
    : [invalidField('spec.selector', at(next, 'spec.selector'), 'field is immutable')];

const keepStatus = (next: Obj, old: Obj): void => {
  next.status = old.status;
};
const startStatus = (value: Json) => (object: Obj) => {
  object.status = value;
};

const deployments = apps('Deployment', 'deployments', {
  shortNames: ['deploy'],
  categories: ['all'],
  status: true,
  scale,
  generation: (next, old) =>
    generationOfSpec(next, old) || !same(next.metadata.annotations ?? {}, old.metadata.annotations ?? {}),
  columns: [
    NAME,
    column('Ready', ready),
    column('Up-to-date', int('status.updatedReplicas')),
    column('Available', int('status.availableReplicas')),
    AGE,
    ...WORKLOAD_WIDE,
    SELECTOR_WIDE,
  ],
  defaults({ spec }) {
    if (!isMap(spec)) return;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultTemplate(spec.template);
  },
  prepareCreate: startStatus({}),
  prepareUpdate: keepStatus,
  validate: (object) => {
    const faults = workloadFaults(object);
    const { strategy } = object.spec;
    if (strategy?.type === 'Recreate' && strategy.rollingUpdate) {
      faults.push(
        forbiddenField('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"),
      );
    } else if (!['Recreate', 'RollingUpdate'].includes(strategy?.type)) {
      faults.push({
        type: 'NotSupported',
        field: 'spec.strategy',
        message: `Unsupported value: {"Type":${JSON.stringify(strategy?.type ?? '')},"RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"`,
      });
    }
    const { maxUnavailable, maxSurge } = strategy?.rollingUpdate ?? {};
    const none = (value: Json) => value === 0 || value === '0%';
    if (none(maxUnavailable) && none(maxSurge)) {
      faults.push(
        invalidField('spec.strategy.rollingUpdate.maxUnavailable', maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
      );
    }
    const { minReadySeconds = 0, progressDeadlineSeconds } = object.spec;
    if (progressDeadlineSeconds <= minReadySeconds) {
      faults.push(
        invalidField('spec.progressDeadlineSeconds', progressDeadlineSeconds, 'must be greater than minReadySeconds'),
      );
    }
    return faults;
  },
  validateUpdate: selectorFrozen,
  warnings: workloadWarnings,
});

const replicasets = apps('ReplicaSet', 'replicasets', {
  shortNames: ['rs'],
  categories: ['all'],
  status: true,
  scale,
  generation: generationOfSpec,
  columns: [
    NAME,
    number('Desired', int('spec.replicas')),
    number('Current', int('status.replicas')),
    number('Ready', int('status.readyReplicas')),
    AGE,
    ...WORKLOAD_WIDE,
    SELECTOR_WIDE,
  ],
  defaults({ spec }) {
    if (!isMap(spec)) return;
    spec.replicas ??= 1;
    defaultTemplate(spec.template);
  },
  prepareCreate: startStatus({ replicas: 0 }),
  prepareUpdate: keepStatus,
  validate: workloadFaults,
  validateUpdate: selectorFrozen,
  warnings: workloadWarnings,
});

const SET_FROZEN =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/** How a StatefulSet's pods are replaced. */
function updateStrategyFaults({ type, rollingUpdate }: Json): FieldError[] {
  const field = 'spec.updateStrategy';
  const { partition = 0, maxUnavailable = null } = rollingUpdate ?? {};
  const shown = rollingUpdate ? { Partition: partition, MaxUnavailable: maxUnavailable } : null;
  if (type === 'RollingUpdate') return notNegative(`${field}.rollingUpdate.partition`, partition);
  if (type !== 'OnDelete')
    return [invalidField(field, { Type: type, RollingUpdate: shown }, "must be 'RollingUpdate' or 'OnDelete'")];
  return rollingUpdate
    ? [invalidField(`${field}.rollingUpdate`, shown, "only allowed for updateStrategy 'RollingUpdate'")]
    : [];
}

const statefulsets = apps('StatefulSet', 'statefulsets', {
  shortNames: ['sts'],
  categories: ['all'],
  status: true,
  scale,
  generation: generationOfSpec,
  columns: [NAME, column('Ready', ready), AGE, ...WORKLOAD_WIDE],
  defaults({ spec }) {
    if (!isMap(spec)) return;
    spec.replicas ??= 1;
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.kind ||= 'PersistentVolumeClaim';
      claim.apiVersion ||= 'v1';
      if (claim.spec) claim.spec.volumeMode ??= 'Filesystem';
      claim.status = { ...claim.status, phase: claim.status?.phase ?? 'Pending' };
    }
    defaultTemplate(spec.template);
  },
  prepareCreate: startStatus({ replicas: 0, availableReplicas: 0 }),
  prepareUpdate: keepStatus,
  validate: (object) => {
    const { podManagementPolicy } = object.spec;
    const known = ['OrderedReady', 'Parallel'].includes(podManagementPolicy);
    return [
      ...(known
        ? []
        : [invalidField('spec.podManagementPolicy', podManagementPolicy, "must be 'OrderedReady' or 'Parallel'")]),
      ...updateStrategyFaults(object.spec.updateStrategy),
      ...workloadFaults(object),
    ];
  },
  warnings: workloadWarnings,
  validateUpdate(next, old) {
    const frozen = (spec: Json) => ({
      ...spec,
      replicas: 0,
      ordinals: 0,
      template: 0,
      updateStrategy: 0,
      revisionHistoryLimit: 0,
      persistentVolumeClaimRetentionPolicy: 0,
      minReadySeconds: 0,
    });
    return same(frozen(next.spec), frozen(old.spec)) ? [] : [forbiddenField('spec', SET_FROZEN)];
  },
});

const controllerrevisions = apps('ControllerRevision', 'controllerrevisions', {
  columns: [
    NAME,
    column('Controller', (revision) => {
      const owner = (revision.metadata.ownerReferences ?? []).find(({ controller }) => controller);
      if (!owner) return '<none>';
      const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
      return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
    }),
    number('Revision', int('revision')),
    AGE,
  ],
});

export const APPS: Kind[] = [deployments, replicasets, statefulsets, controllerrevisions];
