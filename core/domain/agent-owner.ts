/** One control plane to a cluster: another one's manifest is refused before it takes anything over (kubernetes.md finding 17). */
import type { KubernetesObject } from './kubernetes-object.ts';
import { objectsOf } from './seat/admission-policy.ts';

/** On every object that the manifest holds: the id of the cluster that it was made for. */
export const CLUSTER_LABEL = 'roadstead.dev/cluster';
export const OWNER_POLICY = 'roadstead-one-owner';

const idOf = (object: string) => `${object}.metadata.?labels[?'${CLUSTER_LABEL}'].orValue('')`;

/** The policy that keeps what was installed for one cluster of one deployment from being changed into that of another; `labels` go on it. */
export const renderOwner = (labels: Readonly<Record<string, string>>): KubernetesObject[] =>
  objectsOf(
    {
      name: OWNER_POLICY,
      constraints: {
        objectSelector: { matchExpressions: [{ key: CLUSTER_LABEL, operator: 'Exists' }] },
        resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['UPDATE'], resources: ['*'] }],
      },
      validations: [
        {
          expression: `${idOf('oldObject')} in ['', ${idOf('object')}]`,
          message: `this cluster is connected to Roadstead already, under another id (label ${CLUSTER_LABEL} of the namespace roadstead-system): delete it there and take away what its deletion lists, or, where nobody can, take it over after: kubectl delete validatingadmissionpolicybinding ${OWNER_POLICY}`,
        },
      ],
    },
    labels,
  );
