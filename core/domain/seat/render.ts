/** One seat as Kubernetes objects (pure): the same seat and context give the same objects (kubernetes.md §5.2). */
import type { DesiredSeat } from '../../contract/seat.ts';
import type { KubernetesObject } from '../kubernetes-object.ts';
import { seatLabels } from './labels.ts';
import { accessName, claimName, podName, seatName, seatRoleName, WORKSPACE_LABEL } from './names.ts';
import { HTTP_PORT, renderPod, SSH_PORT } from './pod.ts';
import type { Profile } from './profile.ts';

export interface SeatContext {
  /** Of the team's seats; of the Workspace itself where a cluster's admin applied it. */
  readonly namespace: string;
  readonly profile: Profile;
  readonly deploymentId: string;
  /** uid of the Workspace that everything but the claims belongs to; absent in a preview. */
  readonly workspaceUid?: string | undefined;
}

/** Everything of a seat but its Secret (`renderSeatSecret`). Claims have no owner: they go only by a tombstone (kubernetes.md finding 10). */
export interface SeatObjects {
  readonly claims: readonly KubernetesObject[];
  readonly service: KubernetesObject;
  readonly statefulSet: KubernetesObject;
  /** Opens this seat alone, for the access account, whose tokens the person is given. */
  readonly role: KubernetesObject;
  readonly roleBinding: KubernetesObject;
  readonly accessAccount: KubernetesObject;
}

/** The kind of the custom resource that a seat is. */
export const WORKSPACE_API = { apiVersion: 'roadstead.dev/v1alpha1', kind: 'Workspace' } as const;
const RBAC = 'rbac.authorization.k8s.io';

const metadataOf = (seat: DesiredSeat, context: SeatContext) => (name: string) => ({
  name,
  namespace: context.namespace,
  labels: seatLabels(seat, context.deploymentId),
  ...(context.workspaceUid !== undefined && {
    ownerReferences: [
      {
        ...WORKSPACE_API,
        name: seatName(seat.id),
        uid: context.workspaceUid,
        controller: true,
        // True would need the right to change finalizers of Workspaces.
        blockOwnerDeletion: false,
      },
    ],
  }),
});

/** The claims of a seat's volumes. What a claim's class and mode are is decided when it is made; later only its size counts. */
const renderClaims = ({ spec, ...seat }: DesiredSeat, { namespace, profile, deploymentId }: SeatContext) =>
  spec.volumes.map(
    ({ name, size }): KubernetesObject => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimName(name, seat.id),
        namespace,
        labels: seatLabels({ ...seat, spec }, deploymentId),
      },
      spec: {
        accessModes: [profile.accessMode],
        resources: { requests: { storage: size } },
        ...(profile.storageClassName !== undefined && { storageClassName: profile.storageClassName }),
      },
    }),
  );

export const renderSeat = (seat: DesiredSeat, context: SeatContext): SeatObjects => {
  const { id, spec } = seat;
  const name = seatName(id);
  const pod = podName(id);
  const metadata = metadataOf(seat, context);
  const selector = { [WORKSPACE_LABEL]: name };
  const tcp = (port: number, portName: string) => ({ name: portName, port, protocol: 'TCP' });
  return {
    claims: renderClaims(seat, context),
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(name),
      spec: {
        clusterIP: 'None',
        publishNotReadyAddresses: true,
        selector,
        ports: [tcp(SSH_PORT, 'ssh'), tcp(HTTP_PORT, 'http')],
      },
    },
    statefulSet: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: metadata(name),
      spec: {
        replicas: spec.runState === 'Running' ? 1 : 0,
        serviceName: name,
        // With OrderedReady a broken image stays after its fix (kubernetes.md finding 20).
        podManagementPolicy: 'Parallel',
        revisionHistoryLimit: 1,
        selector: { matchLabels: selector },
        template: renderPod(seat, context.profile, seatLabels(seat, context.deploymentId)),
      },
    },
    // `get` and `create`: which of them a WebSocket exec needs differs by version (kubernetes.md finding 6).
    role: {
      apiVersion: `${RBAC}/v1`,
      kind: 'Role',
      metadata: metadata(seatRoleName(id)),
      rules: [
        {
          apiGroups: [''],
          resources: ['pods/exec', 'pods/portforward', 'pods/attach'],
          resourceNames: [pod],
          verbs: ['create', 'get'],
        },
        { apiGroups: [''], resources: ['pods', 'pods/log'], resourceNames: [pod], verbs: ['get'] },
      ],
    },
    roleBinding: {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: metadata(seatRoleName(id)),
      roleRef: { apiGroup: RBAC, kind: 'Role', name: seatRoleName(id) },
      subjects: [{ kind: 'ServiceAccount', name: accessName(id), namespace: context.namespace }],
    },
    accessAccount: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(accessName(id)),
      automountServiceAccountToken: false,
    },
  };
};

/** The objects of a seat in the order in which they can be applied. */
export const inOrder = ({ claims, service, statefulSet, role, roleBinding, accessAccount }: SeatObjects) => [
  accessAccount,
  role,
  roleBinding,
  ...claims,
  service,
  statefulSet,
];

/** The file of the seat's SSH host key below the secrets folder. */
export const HOST_KEY_FILE = 'ssh_host_key';

/** The Secret of a seat: one key a secret, and its SSH host key. Values never stand in any other object. */
export const renderSeatSecret = (
  seat: DesiredSeat,
  context: SeatContext,
  values: Readonly<Record<string, string>>,
): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadataOf(seat, context)(seatName(seat.id)),
  type: 'Opaque',
  // `data`, never `stringData`: a key dropped from stringData stays (kubernetes.md finding 21).
  data: Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('base64')]),
  ),
});
