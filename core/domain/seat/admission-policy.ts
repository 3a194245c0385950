/** A validating admission policy with its binding, as Kubernetes takes them. */
import type { KubernetesObject } from '../kubernetes-object.ts';

export interface AdmissionPolicy {
  readonly name: string;
  readonly constraints: Readonly<Record<string, unknown>>;
  readonly conditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly { readonly expression: string; readonly message: string }[];
}

/** The policy and its binding, which denies. */
export const objectsOf = (policy: AdmissionPolicy, labels: Readonly<Record<string, string>>): KubernetesObject[] => [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: policy.name, labels },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: policy.constraints,
      ...(policy.conditions && { matchConditions: policy.conditions }),
      ...(policy.variables && { variables: policy.variables }),
      validations: policy.validations,
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: policy.name, labels },
    spec: { policyName: policy.name, validationActions: ['Deny'] },
  },
];
