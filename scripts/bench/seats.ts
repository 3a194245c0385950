/** A dev pod from the answer to what was asked until its push: the whole, and our share of it, without the pod's own start or end. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig, Watch as PodWatch, type V1Pod } from '@kubernetes/client-node';
import type { Workspace } from '#core/contract/workspace.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { watch } from '../journey/client.ts';
import type { Bench } from './bench.ts';
import { type Product, readyCluster } from './product.ts';
import { samplesRow } from './row.ts';

const SEATS = 10;
const PATIENCE_SECONDS = 60;

interface Life {
  created?: number;
  ready?: number;
  ending?: number;
  gone?: number;
}

/** When pods were made, ready, asked to end and gone, as a watch at the cluster sees it; the newest of each name. */
const watchPods = async (product: Product, cluster: string) => {
  const config = new KubeConfig();
  config.loadFromFile(join(product.state, 'clusters', infrastructureName(cluster), 'admin.kubeconfig'));
  const lives = new Map<string, Life & { uid: string }>();
  const seen = (type: string, pod: V1Pod): void => {
    const { name = '', uid = '', deletionTimestamp } = pod.metadata ?? {};
    const now = performance.now();
    let life = lives.get(name);
    if (life?.uid !== uid) {
      life = { uid, created: now };
      lives.set(name, life);
    }
    if (pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True')) life.ready ??= now;
    if (deletionTimestamp !== undefined) life.ending ??= now;
    if (type === 'DELETED') life.gone ??= now;
  };
  const watching = await new PodWatch(config).watch('/api/v1/pods', {}, seen, () => {});
  /** Milliseconds of the cluster's own; the watch may be behind the push. */
  const took = async (name: string, what: 'start' | 'end'): Promise<number> => {
    for (const end = performance.now() + PATIENCE_SECONDS * 1000; performance.now() < end; await sleep(10)) {
      const { created, ready, ending, gone } = lives.get(name) ?? {};
      const [from, to] = what === 'start' ? [created, ready] : [ending, gone];
      if (from !== undefined && to !== undefined) return to - from;
    }
    throw new Error(`the watch at the cluster did not see the ${what} of ${name}`);
  };
  return { took, close: () => watching.abort() };
};

export const seats: Bench = {
  name: 'seats',
  async run(context) {
    const product = await context.product();
    const session = await product.person();
    const { id: cluster } = await readyCluster(session, 'seats', { takesWorkspaces: true, workers: { count: 4 } });
    const pods = await watchPods(product, cluster);
    const watching = await watch(session);
    context.defer(pods.close);
    context.defer(watching.close);

    /** Milliseconds from the answer to the push of the phase. */
    const timed = async (ask: () => Promise<Workspace>, phase: 'Running' | 'Stopped') => {
      const { id, pod, version } = await ask();
      const begun = performance.now();
      const { phase: now } = await watching.untilSeat(
        `${id} ${phase}`,
        (push) => push.id === id && push.version >= version && [phase, 'Failed'].includes(push.phase),
        PATIENCE_SECONDS,
      );
      if (now !== phase) throw new Error(`${id} is ${now}, not ${phase}`);
      const whole = performance.now() - begun;
      return { id, whole, share: whole - (await pods.took(pod, phase === 'Running' ? 'start' : 'end')) };
    };
    const rounds: Record<'create' | 'stop' | 'start', { whole: number; share: number }[]> = {
      create: [],
      stop: [],
      start: [],
    };
    for (let n = 0; n < (context.quick ? 2 : SEATS); n++) {
      const body = {
        name: `seat-${n}`,
        placement: { cluster },
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 },
      };
      const made = await timed(() => session.call('POST', '/api/v1/workspaces', body), 'Running');
      const path = `/api/v1/workspaces/${made.id}`;
      rounds.create.push(made);
      rounds.stop.push(await timed(() => session.call('POST', `${path}/stop`), 'Stopped'));
      rounds.start.push(await timed(() => session.call('POST', `${path}/start`), 'Running'));
      await session.call('DELETE', `${path}?volumes=DeleteVolumes`);
    }
    await watching.close();
    pods.close();
    await session.call('DELETE', `/api/v1/clusters/${cluster}?force=true`);
    const rows = (what: string, samples: { whole: number; share: number }[], p50?: number) => [
      samplesRow(
        `${what}, our share`,
        samples.map(({ share }) => share),
        'ms',
        { ...(p50 !== undefined && { bar: { p50 } }), note: 'without what the cluster took for the pod' },
      ),
      samplesRow(
        `${what}, the whole`,
        samples.map(({ whole }) => whole),
        'ms',
        { note: `${samples.length} dev pods, one after the other; no image is pulled here` },
      ),
    ];
    return [
      ...rows('dev pod: create → Running', rounds.create, 500),
      ...rows('dev pod: stop → Stopped', rounds.stop),
      ...rows('dev pod: start → Running', rounds.start),
    ];
  },
};
