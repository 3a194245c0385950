/**
 * The admission policy for pods in namespaces of ours: what Pod Security `restricted` still lets out of a namespace (kubernetes.md finding 7,
 * §5.4). The second wall behind the rendering, which asks for none of it; it holds for whoever makes the pod, or adds a container to it.
 */

import type { AdmissionPolicy } from './admission-policy.ts';
import {
  MOUNT_ROOTS,
  NODE_SELECTOR_KEYS,
  OWN_PREFIX,
  RUN_DIR,
  RUNTIME_CLASS_PREFIX,
  RUNTIME_CLASSES,
  SCRATCH_DIR,
  SECRETS_DIR,
  TOLERATION_KEYS,
} from './allowed.ts';
import { MANAGED, PULL_SECRET, SEAT_ACCOUNT, WORKSPACE_LABEL } from './names.ts';

const list = (items: readonly string[]) => `[${items.map((item) => `'${item}'`).join(', ')}]`;
const keyAmong = (key: string, keys: readonly string[]) =>
  `(${key} in ${list(keys)} || ${key}.startsWith('${OWN_PREFIX}'))`;

/** Each with the sentence that its refusal ends in. */
const VALIDATIONS: readonly { readonly expression: string; readonly message: string }[] = [
  {
    expression: `variables.ws != '' && variables.s.?automountServiceAccountToken.orValue(true) == false && variables.s.?serviceAccountName.orValue('') in ['', '${SEAT_ACCOUNT}', 'default']`,
    message: `a dev pod carries the label ${WORKSPACE_LABEL}, runs as the service account ${SEAT_ACCOUNT} and mounts no token`,
  },
  {
    expression: `(variables.s.?priorityClassName.orValue('') == '' || variables.s.priorityClassName.startsWith('roadstead-')) && (request.operation != 'CREATE' || !has(variables.s.nodeName)) && variables.s.?schedulerName.orValue('default-scheduler') == 'default-scheduler'`,
    message: 'a dev pod chooses neither its node nor its scheduler nor a priority of others',
  },
  {
    expression: `variables.s.?tolerations.orValue([]).all(t, ${keyAmong("t.?key.orValue('')", TOLERATION_KEYS)})`,
    message: `a dev pod tolerates only taints of ${OWN_PREFIX}…, GPUs and what Kubernetes adds`,
  },
  {
    expression: `!has(variables.s.nodeSelector) || variables.s.nodeSelector.all(k, ${keyAmong('k', NODE_SELECTOR_KEYS)})`,
    message: `a dev pod selects nodes only by ${OWN_PREFIX}…, architecture and zone`,
  },
  {
    expression: `!has(variables.s.hostAliases) && !has(variables.s.dnsConfig) && variables.s.?dnsPolicy.orValue('ClusterFirst') == 'ClusterFirst'`,
    message: 'a dev pod has the DNS of the cluster and no host aliases',
  },
  {
    expression: '!has(variables.s.affinity) && !has(variables.s.resourceClaims)',
    message: 'a dev pod has no affinity and no resource claims',
  },
  {
    expression: `variables.s.?securityContext.?fsGroup.orValue(1000) == 1000 && variables.s.?securityContext.?supplementalGroups.orValue([]).all(g, g == 1000) && !variables.s.?shareProcessNamespace.orValue(false)`,
    message: 'a dev pod has the group 1000 alone and shares no process namespace',
  },
  {
    expression: 'variables.s.?terminationGracePeriodSeconds.orValue(30) <= 120',
    message: 'a dev pod ends within two minutes',
  },
  {
    expression: `variables.s.?runtimeClassName.orValue('') in ${list(['', ...RUNTIME_CLASSES])} || variables.s.runtimeClassName.startsWith('${RUNTIME_CLASS_PREFIX}')`,
    message: `a dev pod has a runtime class of ${RUNTIME_CLASS_PREFIX}… or a sandbox`,
  },
  {
    expression: `variables.s.?volumes.orValue([]).all(v, has(v.emptyDir) || (has(v.secret) && v.secret.?secretName.orValue('') == variables.ws) || (has(v.persistentVolumeClaim) && v.persistentVolumeClaim.claimName == v.name + '-' + variables.ws))`,
    message: "a dev pod mounts its own claims, its own Secret and scratch space, nobody else's and no other kind",
  },
  {
    expression: `variables.containers.all(c, !has(c.volumeDevices) && c.?volumeMounts.orValue([]).all(m, !has(m.subPathExpr) && (m.mountPath in ${list([SCRATCH_DIR, RUN_DIR, SECRETS_DIR, ...MOUNT_ROOTS])} || ${list(MOUNT_ROOTS.map((root) => `${root}/`))}.exists(r, m.mountPath.startsWith(r)))))`,
    message: 'a dev pod mounts only where people keep files',
  },
  {
    expression: `variables.containers.all(c, c.?envFrom.orValue([]).all(e, has(e.secretRef) && e.secretRef.?name.orValue('') == variables.ws) && c.?env.orValue([]).all(e, !has(e.valueFrom) || has(e.valueFrom.fieldRef) || (has(e.valueFrom.secretKeyRef) && e.valueFrom.secretKeyRef.?name.orValue('') == variables.ws)))`,
    message: 'a dev pod reads the environment from its own Secret alone',
  },
  {
    expression: `variables.s.?imagePullSecrets.orValue([]).all(i, i.?name.orValue('') == '${PULL_SECRET}')`,
    message: `a dev pod pulls images with the Secret ${PULL_SECRET} alone`,
  },
];

export const seatPods: AdmissionPolicy = {
  name: 'roadstead-seat-pods',
  constraints: {
    namespaceSelector: { matchExpressions: [{ key: MANAGED, operator: 'Exists' }] },
    // `kubectl debug` adds to a pod that runs, through a resource of its own.
    resourceRules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['pods', 'pods/ephemeralcontainers'],
      },
    ],
  },
  variables: [
    { name: 's', expression: 'object.spec' },
    { name: 'ws', expression: `object.metadata.?labels[?'${WORKSPACE_LABEL}'].orValue('')` },
    {
      name: 'containers',
      // `dyn`: containers of the three kinds are of types that the API server's type check does not add up.
      expression:
        'dyn(object.spec.containers) + dyn(object.spec.?initContainers.orValue([])) + dyn(object.spec.?ephemeralContainers.orValue([]))',
    },
  ],
  validations: VALIDATIONS,
};
