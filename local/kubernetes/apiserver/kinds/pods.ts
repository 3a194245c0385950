/** Pods. */
import { at, type Obj, same } from '../json.ts';
import { define } from './define.ts';
import { POD_COLUMNS } from './pod-columns.ts';
import { defaultPod, qosClass } from './pod-defaults.ts';
import { podUpdateFaults } from './pod-update.ts';
import { podFaults } from './pod-validation.ts';
import { podWarnings } from './pod-warnings.ts';

/** Said at once: the scheduler does not look at such a pod. */
const GATED = {
  type: 'PodScheduled',
  status: 'False',
  lastProbeTime: null,
  lastTransitionTime: null,
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export const pods = define('', 'v1', 'io.k8s.api.core.v1', 'Pod', 'pods', {
  shortNames: ['po'],
  categories: ['all'],
  status: true,
  deleteAnswersObject: true,
  columns: POD_COLUMNS,
  defaults: defaultPod,
  generation: (next, old) => !same(next.spec, old.spec),
  prepareCreate(pod: Obj) {
    pod.status = { phase: 'Pending', qosClass: qosClass(pod.spec) };
    if (pod.spec.schedulingGates?.length) pod.status.conditions = [{ ...GATED }];
  },
  prepareUpdate(next, old) {
    next.status = old.status;
  },
  validate: podFaults,
  warnings: (pod) => podWarnings('spec', pod.spec),
  validateUpdate: podUpdateFaults,
  fields: {
    'spec.nodeName': (pod) => at(pod, 'spec.nodeName') ?? '',
    'spec.restartPolicy': (pod) => at(pod, 'spec.restartPolicy') ?? '',
    'spec.schedulerName': (pod) => at(pod, 'spec.schedulerName') ?? '',
    'spec.serviceAccountName': (pod) => at(pod, 'spec.serviceAccountName') ?? '',
    'spec.hostNetwork': (pod) => String(at(pod, 'spec.hostNetwork') ?? false),
    'status.phase': (pod) => at(pod, 'status.phase') ?? '',
    'status.podIP': (pod) => at(pod, 'status.podIP') ?? '',
    'status.nominatedNodeName': (pod) => at(pod, 'status.nominatedNodeName') ?? '',
  },
});
