/** How the agent's own pods run (pure): more than Pod Security `restricted` asks, as the image's own user and with nothing to write to. */

/** Of the pod. The uid is the one that distroless images call nonroot. */
export const OWN_POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: 65532,
  runAsGroup: 65532,
  fsGroup: 65532,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

/** Of each container. */
export const OWN_CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} as const;
