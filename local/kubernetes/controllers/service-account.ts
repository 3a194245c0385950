/** What every namespace holds from the start: the service account `default` and the config map with the cluster's CA. */
import { isStatus } from './machinery/client.ts';
import { keyOf } from './machinery/informer.ts';
import { configMaps, namespaces, type Resource, serviceAccounts } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { Stored } from './machinery/types.ts';

/** The config map that pods trust the API server by. */
export const ROOT_CA = 'kube-root-ca.crt';

export function serviceAccountController(runtime: Runtime, caPem: string): void {
  const informer = runtime.informer(namespaces);
  const accounts = runtime.informer(serviceAccounts);
  const maps = runtime.informer(configMaps);

  async function ensure(of: Resource, namespace: string, name: string, content: object): Promise<void> {
    try {
      await runtime.create(of, namespace, { metadata: { name, namespace }, ...content });
    } catch (error) {
      // Taken: fine. Forbidden: the namespace began to terminate in this moment.
      if (!isStatus(error, 409, 403, 404)) throw error;
    }
  }

  const queue = runtime.queue({ name: 'service-account' }, async (name) => {
    const namespace = informer.get(name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    if (accounts.get(`${name}/default`) === undefined) await ensure(serviceAccounts, name, 'default', {});
    const map = maps.get(`${name}/${ROOT_CA}`);
    const data = { 'ca.crt': caPem };
    if (map === undefined) {
      const annotations = {
        'kubernetes.io/description':
          'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
      };
      await runtime
        .create(configMaps, name, { metadata: { name: ROOT_CA, namespace: name, annotations }, data })
        .catch((error) => {
          if (!isStatus(error, 409, 403, 404)) throw error;
        });
    } else if (map.data?.['ca.crt'] !== caPem) {
      await runtime.patch(configMaps, map, { data });
    }
  });
  informer.on(({ object }) => queue.add(keyOf(object)));
  const watchNamed = (name: string) => (change: { type: string; object: Stored }) => {
    if (change.object.metadata.name === name && change.type !== 'added')
      queue.add(change.object.metadata.namespace ?? '');
  };
  accounts.on(watchNamed('default'));
  maps.on(watchNamed(ROOT_CA));
}
