/** The fence: admission policies that the manifest installs around the agent and its namespaces, and that the agent cannot change (kubernetes.md §5.4, findings 2, 5, 10). */
import type { KubernetesObject } from '../kubernetes-object.ts';
import { type AdmissionPolicy, objectsOf } from './admission-policy.ts';
import { crdRevisions } from './fence-crds.ts';
import { seatPods } from './fence-pods.ts';
import {
  AGENT_NAME,
  AGENT_NAMESPACE,
  BREAK_GLASS_ANNOTATION,
  DELETE_ANNOTATION,
  MANAGED,
  PROBE_NAME,
  TENANT_ROLE,
  WORKSPACE_LABEL,
} from './names.ts';

const AGENT_USER = `system:serviceaccount:${AGENT_NAMESPACE}:${AGENT_NAME}`;
const ALL = ['CREATE', 'UPDATE', 'DELETE'];
const labelled = (object: string) => `(has(${object}.metadata.labels) && '${MANAGED}' in ${object}.metadata.labels)`;
/** Absent for what lies in no namespace. */
const NAMESPACE = "request.?namespace.orValue('')";
const isOther = (resource: string) => `request.resource.resource != '${resource}'`;

/** What an agent that empties the cluster before its deletion may take away anywhere (the ClusterRole `roadstead-drain`). */
const DRAINED = `(request.operation == 'DELETE' && request.resource.resource in ['services', 'ingresses', 'persistentvolumeclaims'])`;

const agentFence = (drain: boolean): AdmissionPolicy => ({
  name: 'roadstead-agent-fence',
  constraints: { resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ALL, resources: ['*'] }] },
  conditions: [{ name: 'agent', expression: `request.userInfo.username == '${AGENT_USER}'` }],
  validations: [
    {
      expression: `request.resource.resource == 'namespaces' || ${NAMESPACE} in ['', '${AGENT_NAMESPACE}'] || ${labelled('namespaceObject')}${drain ? ` || ${DRAINED}` : ''}`,
      message: 'the agent writes only in namespaces that Roadstead made',
    },
    {
      expression: `${isOther('namespaces')} || (request.operation != 'DELETE' && ${labelled('object')} && object.metadata.labels[?'pod-security.kubernetes.io/enforce'].orValue('') == 'restricted')`,
      message: 'a namespace of ours is labelled, enforces restricted, and is never deleted by the agent',
    },
    {
      expression: `${isOther('namespaces')} || request.operation != 'UPDATE' || ${labelled('oldObject')}`,
      message: 'the agent takes over no namespace',
    },
    // Its own namespace holds its token, and whatever else its admin put there: the one pod that it makes reads none of that.
    {
      expression: `request.operation != 'CREATE' || !(request.resource.resource in ['pods', 'networkpolicies']) || ${NAMESPACE} != '${AGENT_NAMESPACE}' || (object.metadata.?name.orValue('') == '${PROBE_NAME}' && (${isOther('pods')} || (object.spec.?automountServiceAccountToken.orValue(true) == false && object.spec.?volumes.orValue([]).size() == 0 && object.spec.?initContainers.orValue([]).size() == 0 && object.spec.containers.all(c, c.?envFrom.orValue([]).size() == 0 && c.?env.orValue([]).all(e, !has(e.valueFrom) || has(e.valueFrom.fieldRef))))))`,
      message: `in its own namespace the agent makes only the pod and the policy ${PROBE_NAME}; the pod has no token, no volumes and no Secrets`,
    },
    // `rolebindings` is granted for every namespace, since the agent must bind its tenant role in those that it makes.
    {
      expression: `${isOther('rolebindings')} || request.operation == 'DELETE' || (${NAMESPACE} != '${AGENT_NAMESPACE}' && (object.roleRef.kind == 'ClusterRole' ? object.roleRef.name == '${TENANT_ROLE}' && object.subjects.all(s, s.kind == 'ServiceAccount' && s.name == '${AGENT_NAME}' && s.?namespace.orValue('') == '${AGENT_NAMESPACE}') : object.roleRef.name == 'seat-' + variables.ws && object.subjects.all(s, s.kind == 'ServiceAccount' && s.name == 'access-' + variables.ws && s.?namespace.orValue('') == ${NAMESPACE})))`,
      message: "the agent binds its tenant role to itself, and a seat's role to that seat's access account",
    },
  ],
  variables: [{ name: 'ws', expression: `object.metadata.?labels[?'${WORKSPACE_LABEL}'].orValue('')` }],
});

/** `ControlPlane` specs are changed by the agent alone; Kubernetes' own controllers collect what is deleted. */
const workspaceOwner: AdmissionPolicy = {
  name: 'roadstead-workspace-owner',
  constraints: {
    resourceRules: [{ apiGroups: ['roadstead.dev'], apiVersions: ['*'], operations: ALL, resources: ['workspaces'] }],
  },
  validations: [
    {
      expression: `request.userInfo.username in ['${AGENT_USER}', 'system:kube-controller-manager'] || request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || (request.operation == 'DELETE' ? oldObject : object).spec.origin == 'Cluster' || (request.operation == 'UPDATE' && object.spec == oldObject.spec) || (request.operation != 'CREATE' && oldObject.metadata.?annotations[?'${BREAK_GLASS_ANNOTATION}'].orValue('') != '')`,
      message: `managed by the Roadstead control plane: change it there, or annotate ${BREAK_GLASS_ANNOTATION}=<reason> first`,
    },
  ],
};

/** A namespace takes the volumes in it along (kubernetes.md finding 10). */
const namespaceGuard: AdmissionPolicy = {
  name: 'roadstead-namespace-guard',
  constraints: {
    objectSelector: { matchExpressions: [{ key: MANAGED, operator: 'Exists' }] },
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['namespaces'] }],
  },
  validations: [
    {
      expression: `oldObject.metadata.?annotations[?'${DELETE_ANNOTATION}'].orValue('') == oldObject.metadata.name`,
      message: `dev pods keep their files here: annotate ${DELETE_ANNOTATION}=<name of the namespace> first`,
    },
  ],
};

/** All policies, each with its binding. `drain`: the agent may empty the whole cluster before it is deleted. */
export const renderFence = (labels: Readonly<Record<string, string>>, drain: boolean): KubernetesObject[] =>
  [agentFence(drain), workspaceOwner, namespaceGuard, seatPods, crdRevisions].flatMap((policy) =>
    objectsOf(policy, labels),
  );
