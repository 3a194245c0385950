/** `kubectl top`: what pods and nodes use now, asked of the kubelet. */
import type { IncomingMessage } from 'node:http';
import type { Answer, KindCall } from '../call.ts';
import { methodNotAllowed, notFound } from '../errors.ts';
import { type Json, type Obj, timestamp } from '../json.ts';
import { keyOf } from '../storage/store.ts';
import { kubeletRequest, refusalOf, unreachable } from '../subresources/kubelet.ts';
import { matches, selectionOf } from '../verbs/read.ts';

/** A kubelet's summary, as far as it is used here (`k8s.io/kubelet/pkg/apis/stats/v1alpha1`). */
interface Summary {
  pods: {
    podRef: { name: string; namespace: string; uid: string };
    containers: { name: string; cpu: { time: string; usageNanoCores: number }; memory: { workingSetBytes: number } }[];
  }[];
}

const SUMMARY = '/stats/summary';
/** How far apart the two looks are that a rate comes from, as it is told. */
const WINDOW = '15s';

async function summaryOf(call: KindCall): Promise<Summary> {
  const request = await kubeletRequest(call, 'any', SUMMARY, {});
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', (error) => reject(unreachable(SUMMARY, error)));
    request.end();
  });
  if (answer.statusCode !== 200) throw await refusalOf(answer);
  return JSON.parse(Buffer.concat(await answer.toArray()).toString()) as Summary;
}

const usageOf = (nanoCores: number, bytes: number) => ({
  cpu: `${Math.round(nanoCores)}n`,
  memory: `${Math.round(bytes / 1024)}Ki`,
});

const head = (of: Obj): Json => ({
  metadata: {
    name: of.metadata.name,
    ...(of.metadata.namespace && { namespace: of.metadata.namespace }),
    creationTimestamp: timestamp(),
    ...(of.metadata.labels && { labels: of.metadata.labels }),
  },
  timestamp: timestamp(),
  window: WINDOW,
});

function podMetrics(call: KindCall, { pods }: Summary): Obj[] {
  const { store } = call.context;
  return pods.flatMap(({ podRef, containers }) => {
    const pod = store.get('pods', keyOf(podRef.namespace, podRef.name))?.object;
    if (pod?.metadata.uid !== podRef.uid) return [];
    const used = containers.map(({ name, cpu, memory }) => ({
      name,
      usage: usageOf(cpu.usageNanoCores, memory.workingSetBytes),
    }));
    return [{ ...head(pod), containers: used }];
  });
}

/** A node here is what its pods use: the machine under all of them is that of whoever runs the cluster. */
function nodeMetrics(call: KindCall, { pods }: Summary): Obj[] {
  const { store } = call.context;
  return store.list('nodes').map(({ object: node }) => {
    const own = pods.filter(({ podRef }) => {
      const pod = store.get('pods', keyOf(podRef.namespace, podRef.name))?.object as Json;
      return pod?.spec?.nodeName === node.metadata.name;
    });
    const all = own.flatMap(({ containers }) => containers);
    const nanoCores = all.reduce((total, { cpu }) => total + cpu.usageNanoCores, 0);
    const bytes = all.reduce((total, { memory }) => total + memory.workingSetBytes, 0);
    return { ...head(node), usage: usageOf(nanoCores, bytes) };
  });
}

/** Answers get and list of the kinds in METRICS. */
export async function metrics(call: KindCall): Promise<Answer> {
  const { kind, info } = call;
  if (info.method !== 'GET' || !['get', 'list'].includes(info.verb)) throw methodNotAllowed();
  const selection = selectionOf(call);
  const all = (kind.namespaced ? podMetrics : nodeMetrics)(call, await summaryOf(call));
  if (info.verb === 'list') {
    const items = all.filter((object) => matches(kind, selection, object));
    return { code: 200, list: { items, metadata: { resourceVersion: '' } }, kind };
  }
  const found = all.find(
    ({ metadata }) => metadata.name === info.name && (!kind.namespaced || metadata.namespace === info.namespace),
  );
  if (found === undefined) throw notFound(kind, info.name!);
  return {
    code: 200,
    object: Object.assign({ kind: kind.kind, apiVersion: `${kind.group}/${kind.version}` }, found),
    kind,
  };
}
