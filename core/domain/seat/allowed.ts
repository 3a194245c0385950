/** What a pod of ours may ask of nodes at all: the fence refuses the rest in the cluster, and a profile that asks for it is invalid (kubernetes.md §5.4). */

/** Keys of our own, which a cluster's admin puts on nodes for dev pods. */
export const OWN_PREFIX = 'roadstead.dev/';

export const NODE_SELECTOR_KEYS: readonly string[] = ['kubernetes.io/arch', 'topology.kubernetes.io/zone'];

/** The first four are what Kubernetes adds to every pod by itself. */
export const TOLERATION_KEYS: readonly string[] = [
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/memory-pressure',
  'node.kubernetes.io/disk-pressure',
  'nvidia.com/gpu',
  'amd.com/gpu',
];

/** Sandboxes by their usual names, and NVIDIA's; any other is named `roadstead-…` by the cluster's admin. */
export const RUNTIME_CLASSES: readonly string[] = ['gvisor', 'kata', 'kata-clh', 'kata-fc', 'kata-qemu', 'nvidia'];
export const RUNTIME_CLASS_PREFIX = 'roadstead-';

/** Where a container of ours mounts anything: the places of MountPath, and the three that the seat itself has. */
export const MOUNT_ROOTS: readonly string[] = ['/workspace', '/commandhistory', '/home/node', '/data'];
export const SCRATCH_DIR = '/tmp';
export const RUN_DIR = '/run/roadstead';
export const SECRETS_DIR = '/run/secrets/roadstead';
