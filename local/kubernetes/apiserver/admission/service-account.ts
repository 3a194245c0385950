/** The ServiceAccount admission: every pod runs as an account and finds its token mounted. */
import type { KindCall } from '../call.ts';
import { forbidden } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { generatedName } from '../kinds/names.ts';
import { keyOf } from '../storage/store.ts';

const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Real API servers add 7 s to an hour, so that their own tokens can be told apart. */
const LIFETIME_S = 3607;

export function admitPod(call: KindCall, pod: Obj, named: string): void {
  const spec = pod.spec as Json;
  const { namespace } = pod.metadata;
  // A mirror of what a kubelet runs on its own has no account.
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
  spec.serviceAccountName ||= 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const account = call.context.store.get('serviceaccounts', keyOf(namespace, spec.serviceAccountName))?.object as Json;
  if (!account) {
    throw forbidden(
      { group: '', resource: 'pods' },
      named,
      `error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount "${spec.serviceAccountName}" not found`,
    );
  }
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
    spec.imagePullSecrets = account.imagePullSecrets;
  const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  if (!mounts) return;
  const containers: Json[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const without = containers.filter(
    ({ volumeMounts = [] }) => !volumeMounts.some(({ mountPath }: Json) => mountPath === MOUNT),
  );
  if (without.length === 0) return;
  const volume = generatedName('kube-api-access-');
  for (const container of without)
    container.volumeMounts = [...(container.volumeMounts ?? []), { name: volume, readOnly: true, mountPath: MOUNT }];
  spec.volumes = [
    ...(spec.volumes ?? []),
    {
      name: volume,
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: LIFETIME_S, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
            },
          },
        ],
        defaultMode: 420,
      },
    },
  ];
}
