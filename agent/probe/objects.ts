/** What a probe puts into the cluster (pure): one pod that listens on two ports, and the policy that lets callers reach them. */
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { PROBE_NAME } from '#core/domain/seat/names.ts';
import { OWN_CONTAINER_SECURITY, OWN_POD_SECURITY } from '#core/domain/seat/restricted.ts';
import type { Config } from '../config.ts';
import { kinds } from '../kubernetes/kinds.ts';

/** The argument that makes the agent's program the listening side of a probe. */
export const PROBE_ARGUMENT = 'probe';
/** TCP ports of the probe's pod: the policy allows the first throughout, the second only to begin with. */
export const ALLOWED_PORT = 8181;
export const DENIED_PORT = 8182;

/** The kubelet ends a pod that nobody took away. Longer than all waits of a probe together. */
const DEADLINE_SECONDS = 300;

/** What is needed of the agent's own pod. */
export type OwnPod = Pick<Config, 'POD_NAME' | 'POD_NAMESPACE' | 'POD_UID'>;

const labels = {
  // Never the agent's own name: that would put the pod behind its Deployment, and let it reach every seat.
  'app.kubernetes.io/name': PROBE_NAME,
  'app.kubernetes.io/part-of': 'roadstead',
  'app.kubernetes.io/managed-by': 'roadstead',
};

/** Owned by the agent's pod: what a dead agent left is collected with it. */
const metadata = ({ POD_NAME, POD_NAMESPACE, POD_UID }: OwnPod) => ({
  name: PROBE_NAME,
  namespace: POD_NAMESPACE,
  labels,
  ownerReferences: [
    {
      apiVersion: kinds.Pod.apiVersion,
      kind: kinds.Pod.kind,
      name: POD_NAME,
      uid: POD_UID,
      controller: false,
      blockOwnerDeletion: false,
    },
  ],
});

export const probePod = (own: OwnPod, image: string): KubernetesObject => ({
  apiVersion: kinds.Pod.apiVersion,
  kind: kinds.Pod.kind,
  metadata: metadata(own),
  spec: {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: 'Never',
    activeDeadlineSeconds: DEADLINE_SECONDS,
    terminationGracePeriodSeconds: 2,
    securityContext: OWN_POD_SECURITY,
    containers: [
      {
        name: 'probe',
        image,
        imagePullPolicy: 'IfNotPresent',
        args: [PROBE_ARGUMENT],
        env: [{ name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } }],
        resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
        securityContext: OWN_CONTAINER_SECURITY,
      },
    ],
  },
});

/** Lets anybody reach these ports of the probe's pod, and nothing else of it; its own connections are left alone. */
export const probePolicy = (own: OwnPod, ports: readonly number[]): KubernetesObject => ({
  apiVersion: kinds.NetworkPolicy.apiVersion,
  kind: kinds.NetworkPolicy.kind,
  metadata: metadata(own),
  spec: {
    podSelector: { matchLabels: { 'app.kubernetes.io/name': PROBE_NAME } },
    policyTypes: ['Ingress'],
    ingress: [{ ports: ports.map((port) => ({ protocol: 'TCP', port })) }],
  },
});
