/** What a real API server fills into pods and pod templates that the client left out. */
import type { Json } from '../json.ts';

const set = (object: Json, key: string, value: Json): void => {
  if (object[key] === undefined || object[key] === '') object[key] = value;
};
/** Where Go cannot tell none from 0. */
const setCount = (object: Json, key: string, value: number): void => {
  object[key] ||= value;
};

function defaultProbe(probe: Json): void {
  if (!probe) return;
  setCount(probe, 'timeoutSeconds', 1);
  setCount(probe, 'periodSeconds', 10);
  setCount(probe, 'successThreshold', 1);
  setCount(probe, 'failureThreshold', 3);
  defaultAction(probe);
  if (probe.grpc) set(probe.grpc, 'service', '');
}

function defaultAction(handler: Json): void {
  if (!handler?.httpGet) return;
  set(handler.httpGet, 'path', '/');
  set(handler.httpGet, 'scheme', 'HTTP');
}

/** `:latest` or no tag is always pulled, a tag or digest only when it is not there. */
function pullPolicy(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  if (last.includes('@')) return 'IfNotPresent';
  const tag = last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultContainer(container: Json): void {
  set(container, 'resources', {});
  for (const port of container.ports ?? []) set(port, 'protocol', 'TCP');
  for (const env of container.env ?? []) {
    if (env.valueFrom?.fieldRef) set(env.valueFrom.fieldRef, 'apiVersion', 'v1');
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(container[probe]);
  defaultAction(container.lifecycle?.postStart);
  defaultAction(container.lifecycle?.preStop);
  set(container, 'terminationMessagePath', '/dev/termination-log');
  set(container, 'terminationMessagePolicy', 'File');
  set(container, 'imagePullPolicy', pullPolicy(container.image ?? ''));
  if (container.securityContext?.capabilities === undefined && container.securityContext?.procMount === '') {
    delete container.securityContext.procMount;
  }
  // A limit without a request asks for as much.
  const { limits, requests } = container.resources;
  for (const [name, limit] of Object.entries(limits ?? {})) {
    if (requests?.[name] !== undefined) continue;
    container.resources.requests = { ...container.resources.requests, [name]: limit };
  }
}

const DEFAULT_MODE = 420;

function defaultVolume(volume: Json): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) volume.emptyDir = {};
  for (const source of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    if (volume[source]) set(volume[source], 'defaultMode', DEFAULT_MODE);
  }
  if (volume.hostPath) set(volume.hostPath, 'type', '');
  for (const item of volume.downwardAPI?.items ?? []) if (item.fieldRef) set(item.fieldRef, 'apiVersion', 'v1');
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken) set(source.serviceAccountToken, 'expirationSeconds', 3600);
    for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) set(item.fieldRef, 'apiVersion', 'v1');
  }
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (template?.spec) set(template.spec, 'volumeMode', 'Filesystem');
}

/** Defaults of a pod's spec, wherever it stands. `template`: in a workload, where limits do not become requests. */
export function defaultPodSpec(spec: Json, template = false): void {
  set(spec, 'restartPolicy', 'Always');
  set(spec, 'terminationGracePeriodSeconds', 30);
  set(spec, 'dnsPolicy', 'ClusterFirst');
  if (spec.serviceAccountName) set(spec, 'serviceAccount', spec.serviceAccountName);
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  set(spec, 'securityContext', {});
  set(spec, 'schedulerName', 'default-scheduler');
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of spec[list] ?? []) {
      const { requests } = container.resources ?? {};
      defaultContainer(container);
      if (!template) continue;
      if (requests === undefined) delete container.resources.requests;
      else container.resources.requests = requests;
    }
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  if (spec.hostNetwork === true) {
    for (const container of spec.containers ?? []) {
      for (const port of container.ports ?? []) if (!port.hostPort) port.hostPort = port.containerPort;
    }
  }
  if (spec.terminationGracePeriodSeconds < 0) spec.terminationGracePeriodSeconds = 1;
}

export function defaultPod(pod: Json): void {
  defaultPodSpec(pod.spec);
  set(pod.spec, 'enableServiceLinks', true);
}

export const defaultTemplate = (template: Json): void => {
  if (template?.spec) defaultPodSpec(template.spec, true);
};

/** QoS class from requests and limits of cpu and memory. */
export function qosClass(spec: Json): string {
  let any = false;
  let guaranteed = true;
  for (const { resources = {} } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    for (const name of ['cpu', 'memory']) {
      const request = resources.requests?.[name];
      const limit = resources.limits?.[name];
      if ((request ?? '0') !== '0' || (limit ?? '0') !== '0') any = true;
      if (limit === undefined || (request !== undefined && request !== limit)) guaranteed = false;
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}
