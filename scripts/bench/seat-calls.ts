/** The operations of a dev pod's life, measured one by one; what its agent says is let through one word at a time, so that two runs count the same. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import type { Workspace } from '#core/contract/workspace.ts';
import { infrastructureName } from '#core/domain/names.ts';
import type { Session, Watch } from '../journey/client.ts';
import type { Ledger, Line } from './ledger.ts';
import type { Product } from './product.ts';

/** Measures what `act` comes to; `letThrough` takes the place of the usual holding back. */
export type Measure = (
  name: string,
  act: () => Promise<unknown>,
  counts: (line: Line) => boolean,
  letThrough: () => Promise<void>,
) => Promise<void>;

interface Given {
  readonly product: Product;
  readonly session: Session;
  readonly watching: Watch;
  /** The cluster that takes it. */
  readonly cluster: string;
  readonly ledger: Ledger;
  /** Until nothing that is not held has run for a while. */
  readonly settled: () => Promise<void>;
  readonly measure: Measure;
}

const PATIENCE_SECONDS = 120;
const LOOK_MS = 50;

/** All but what depends on time: heartbeats, and what the agent says of its nodes. */
const isOfSeat = ({ function: name, kind }: Line): boolean =>
  name !== 'ScheduleSweep' && kind !== 'heartbeat' && kind !== 'cluster.info';

/** Phases of the dev pods as their cluster has them. */
const phasesIn = (product: Product, cluster: string) => {
  const config = new KubeConfig();
  config.loadFromFile(join(product.state, 'clusters', infrastructureName(cluster), 'admin.kubeconfig'));
  const api = config.makeApiClient(CustomObjectsApi);
  return async (): Promise<string[]> => {
    const list = await api.listClusterCustomObject({
      group: 'roadstead.dev',
      version: 'v1alpha1',
      plural: 'workspaces',
    });
    return (list as { items: { status?: { phase?: string } }[] }).items.map(({ status }) => status?.phase ?? '');
  };
};

/** Create, stop, start and delete of one dev pod. */
export const measureSeat = async (given: Given): Promise<void> => {
  const { product, session, watching, cluster, ledger, settled, measure } = given;
  const phases = phasesIn(product, cluster);
  const until = async (what: string, ask: () => Promise<boolean> | boolean): Promise<void> => {
    for (const end = Date.now() + PATIENCE_SECONDS * 1000; !(await ask()); await sleep(LOOK_MS))
      if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_SECONDS} s`);
  };
  const isReport = ({ kind }: { kind: string }) => kind.startsWith('workspace.');
  const isLate = ({ kind }: { kind: string }) => kind === 'cluster.info';

  /** Reports wait until the workflow waits and the pod is there; the one on the way goes first and alone, then the last. */
  const oneByOne = (phase: string) => async (): Promise<void> => {
    ledger.hold((line) => isLate(line) || isReport(line));
    await until('the workflow waits', () =>
      ledger.lines.some((line) => line.function === 'StreamEffects' && line.kind.includes('Await')),
    );
    await until(`the cluster says ${phase}`, async () => {
      const [now = 'Deleted'] = await phases();
      return now === phase;
    });
    const last = phase === 'Deleted' ? 'workspace.gone' : `workspace.status ${phase}`;
    ledger.hold((line) => isLate(line) || line.kind === last);
    await settled();
    ledger.hold(isLate);
  };

  let id = '';
  let seen = 0;
  const pushed = async (phase: string): Promise<void> => {
    const push = await watching.untilSeat(
      phase,
      (each) => each.id === id && each.version > seen && (each.phase === phase || each.phase === 'Failed'),
      PATIENCE_SECONDS,
    );
    seen = push.version;
    if (push.phase !== phase) throw new Error(`the dev pod is ${push.phase}: ${JSON.stringify(push.conditions)}`);
  };
  const step = (name: string, phase: string, ask: () => Promise<unknown>): Promise<void> =>
    measure(
      name,
      async () => {
        await ask();
        await pushed(phase);
      },
      isOfSeat,
      oneByOne(phase),
    );
  const path = () => `/api/v1/workspaces/${id}`;
  await step('dev pod: create', 'Running', async () => {
    const body = { name: 'counted', placement: { cluster } };
    ({ id } = await session.call<Workspace>('POST', '/api/v1/workspaces', body));
  });
  await step('dev pod: stop', 'Stopped', () => session.call('POST', `${path()}/stop`));
  await step('dev pod: start', 'Running', () => session.call('POST', `${path()}/start`));
  await step('dev pod: delete', 'Deleted', () => session.call('DELETE', `${path()}?volumes=DeleteVolumes`));
};
