/** Pods. */
import { at, type Obj, same } from '../json.ts';
import { define } from './define.ts';
import { POD_COLUMNS } from './pod-columns.ts';
import { defaultPod, qosClass } from './pod-defaults.ts';
import { podFaults, podUpdateFaults } from './pod-validation.ts';

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
  },
  prepareUpdate(next, old) {
    next.status = old.status;
  },
  validate: podFaults,
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
