/** The service of the API itself, `kubernetes` in `default`: with its address and port for whoever asks in one of the two ways. */
import type { Context } from './call.ts';
import { enforce, ensure } from './ensure.ts';

/** A real API server looks every 10 s. */
const LOOK_MS = 1_000;
const NAME = { name: 'kubernetes', namespace: 'default' };

/** Makes what is missing and puts right what differs: somebody deleted it, or the port is another one since a restart. */
export function repairApiService(context: Context, port: number): void {
  const ports = [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }];
  const { spec } = ensure(context, 'v1', 'Service', {
    metadata: { ...NAME, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { clusterIP: '10.96.0.1', type: 'ClusterIP', ports },
  });
  enforce(context, 'v1', 'Service', { metadata: NAME }, { spec: { ...spec, ports } });
  const [ip, own] = ['127.0.0.1', { name: 'https', port, protocol: 'TCP' }];
  enforce(
    context,
    'v1',
    'Endpoints',
    { metadata: { ...NAME, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
    { subsets: [{ addresses: [{ ip }], ports: [own] }] },
  );
  enforce(
    context,
    'discovery.k8s.io/v1',
    'EndpointSlice',
    { metadata: { ...NAME, labels: { 'kubernetes.io/service-name': NAME.name } }, addressType: 'IPv4' },
    { endpoints: [{ addresses: [ip], conditions: { ready: true } }], ports: [own] },
  );
}

/** Looks after it; answers how to stop. */
export function keepApiService(context: Context, port: number): () => void {
  const timer = setInterval(() => {
    try {
      repairApiService(context, port);
    } catch {
      // A disk that takes no writes now may take them the next time; who writes meanwhile is told.
    }
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
