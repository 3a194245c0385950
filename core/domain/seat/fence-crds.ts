/** The admission policy that lets our custom resources only ever grow: an older manifest does not put its schemas in place of newer ones (kubernetes.md finding 18). */
import type { AdmissionPolicy } from './admission-policy.ts';
import { CRD_NAMES, CRD_REVISION_ANNOTATION } from './crds.ts';
import { BREAK_GLASS_ANNOTATION } from './names.ts';

/** Without one, or with one that is no number: older than all. */
const revisionOf = (object: string): string => {
  const text = `${object}.metadata.?annotations[?'${CRD_REVISION_ANNOTATION}'].orValue('')`;
  return `${text}.matches('^[0-9]{1,9}$') ? int(${text}) : 0`;
};

/** Fields that an older schema lacks would be dropped from every object at its next write. */
export const crdRevisions: AdmissionPolicy = {
  name: 'roadstead-crd-revisions',
  constraints: {
    resourceRules: [
      {
        apiGroups: ['apiextensions.k8s.io'],
        apiVersions: ['*'],
        operations: ['UPDATE'],
        resources: ['customresourcedefinitions'],
        resourceNames: CRD_NAMES,
      },
    ],
  },
  variables: [
    { name: 'there', expression: revisionOf('oldObject') },
    { name: 'given', expression: revisionOf('object') },
  ],
  validations: [
    {
      expression: `variables.given >= variables.there || object.metadata.?annotations[?'${BREAK_GLASS_ANNOTATION}'].orValue('') != ''`,
      message: `this definition is older than the one that is here (annotation ${CRD_REVISION_ANNOTATION}), and would drop what it does not know: apply the manifest of a newer release, or annotate the definition ${BREAK_GLASS_ANNOTATION}=<reason> first`,
    },
  ],
};
