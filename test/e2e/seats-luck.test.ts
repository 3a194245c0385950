/** Bad luck of dev pods: the agent is away when something is asked, the image is not there, the nodes are full. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '#core/contract/operation.ts';
import type { Workspace } from '#core/contract/workspace.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { REASONS } from '#core/domain/seat/reasons.ts';
import type { Session } from '#scripts/journey/client.ts';
import { adminKubeconfig, createCluster, type Product, startProduct, until } from './support/product.ts';
import { getSeat, type Kubectl, kubectlOf, kubectlWith, shell } from './support/seats.ts';

/** How long workflows wait for the agent: short, since here they wait in vain. */
const WAITS = { WorkspaceStartWaitSeconds: '10', WorkspaceStopWaitSeconds: '8', WorkspaceDeleteWaitSeconds: '8' };

let product: Product;
let ada: Session;
let cluster: string;
let admin: Kubectl;

/** While there is one, the end of a socket is told late, as that of a machine that lost its power. */
let late: Promise<void> | undefined;
const isEnd = (payload: unknown) =>
  (payload as { requestContext?: { eventType?: string } }).requestContext?.eventType === 'DISCONNECT';

beforeAll(async () => {
  const before = async ({ payload }: { payload: unknown }) => (isEnd(payload) ? late : undefined);
  product = await startProduct({ parameters: WAITS, more: { hooks: { invoke: { before } } } });
  ada = await product.person();
  // Two nodes of 8 GiB, and none on demand.
  const made = await createCluster(ada, 'unlucky', ['Ready', 'Failed'], {
    takesWorkspaces: true,
    options: { compute: 'managed' },
    workers: { count: 2, size: 'small' },
  });
  expect([made.cluster.phase, made.cluster.error]).toEqual(['Ready', undefined]);
  cluster = made.cluster.id;
  await made.watching.close();
  admin = kubectlWith(adminKubeconfig(product, infrastructureName(cluster)));
}, 180_000);
afterAll(() => product?.stop());

const create = (name: string, body: object = {}, memory = '64Mi') =>
  ada.call<Workspace>('POST', '/api/v1/workspaces', {
    name,
    placement: { cluster },
    resources: { requests: { cpu: '50m', memory }, limits: { cpu: '1', memory: '8Gi' } },
    ...body,
  });
const path = (seat: Pick<Workspace, 'id'>, rest = '') => `/api/v1/workspaces/${seat.id}${rest}`;
const conditionOf = ({ conditions }: Workspace, type: string) => conditions.find((each) => each.type === type);

/** In the phase, whatever it was on the way: an operation that failed in time may come true later. */
const becomes = (seat: Pick<Workspace, 'id' | 'name'>, phase: Workspace['phase']) =>
  until(
    `${seat.name} ${phase}`,
    async () => {
      const now = await getSeat(ada, seat.id);
      return now.phase === phase && now;
    },
    90,
  );
const isNotReady = (seat: Pick<Workspace, 'id' | 'name'>, reason: keyof typeof REASONS) =>
  until(
    `${seat.name} ${reason}`,
    async () => {
      const ready = conditionOf(await getSeat(ada, seat.id), 'Ready');
      return ready?.reason === reason && ready;
    },
    60,
  );

describe('while the agent is away', () => {
  it('what is asked is kept, says so, fails in time, and is done when the agent is back', async () => {
    const scaled = (replicas: number) =>
      admin('-n', 'roadstead-system', 'scale', 'deployment/roadstead-agent', `--replicas=${replicas}`);
    const [stopping, starting, leaving] = await Promise.all([
      create('stopping'),
      create('starting', { start: false }),
      create('leaving'),
    ]);
    await Promise.all([becomes(stopping, 'Running'), becomes(starting, 'Stopped'), becomes(leaving, 'Running')]);

    const told = Promise.withResolvers<void>();
    late = told.promise;
    await scaled(0);
    await until('no agent', async () => {
      const pods = await admin('-n', 'roadstead-system', 'get', 'pods', '-o', 'name');
      return !pods.includes('roadstead-agent');
    });
    // Nobody knows yet: what is asked now is taken.
    const made = await create('new');
    told.resolve();
    const silent = await until('a silent cluster', async () => {
      const seat = await getSeat(ada, stopping.id);
      return conditionOf(seat, 'Connected')?.status === 'False' && seat;
    });
    expect(conditionOf(silent, 'Connected')).toMatchObject({ reason: 'AgentOffline', message: REASONS.AgentOffline });
    // It runs on: only nobody hears of it.
    expect(silent.phase).toBe('Running');
    await expect(create('newer')).rejects.toThrow('its agent is not connected');

    const asked = await Promise.all([
      made,
      ada.call<Workspace>('POST', path(starting, '/start')),
      ada.call<Workspace>('POST', path(stopping, '/stop')),
      ada.call<Workspace>('DELETE', path(leaving, '?volumes=DeleteVolumes')),
    ]);
    const failed = await Promise.all(
      asked.map(({ operationId, name }) =>
        until(
          `the end of what was asked of ${name}`,
          async () => {
            const operation = await ada.call<Operation>('GET', `/api/v1/operations/${operationId}`);
            return operation.endedAt !== undefined && operation;
          },
          90,
        ),
      ),
    );
    expect(failed.map(({ kind, state, error }) => [kind, state, error?.code])).toEqual([
      ['workspace-start', 'Failed', 'workspace.agent_offline'],
      ['workspace-start', 'Failed', 'workspace.agent_offline'],
      ['workspace-stop', 'Failed', 'workspace.agent_offline'],
      ['workspace-delete', 'Failed', 'workspace.agent_offline'],
    ]);
    for (const { error } of failed) expect(error?.help).toMatch(/\w/);
    expect((await getSeat(ada, leaving.id)).phase).toBe('Deleting');

    await scaled(1);
    const [now] = await Promise.all([
      becomes(made, 'Running'),
      becomes(starting, 'Running'),
      becomes(stopping, 'Stopped'),
      becomes(leaving, 'Deleted'),
    ]);
    expect([conditionOf(now, 'Connected')?.status ?? 'True', now.error]).toEqual(['True', undefined]);
    const left = await admin('-n', now.namespace, 'get', 'sts,pvc', '-o', 'name');
    expect(left).not.toContain(leaving.id.replace('_', '-'));
  }, 240_000);
});

describe('an image that is not there', () => {
  it('is said in words, and another image starts the same dev pod', async () => {
    const seat = await create('image', { image: 'ghcr.io/roadstead/missing:1' });
    const { message } = await isNotReady(seat, 'ImagePull');
    expect(message).toContain(REASONS.ImagePull);
    expect(message).toContain('ghcr.io/roadstead/missing:1');
    await ada.call('PATCH', path(seat), { image: 'ghcr.io/roadstead/node:1' });
    expect((await becomes(seat, 'Running')).error).toBeUndefined();
  }, 180_000);
});

describe('nodes that are full', () => {
  it('are said in words though the cluster as a whole has room, and stopping another one helps, as it is said there', async () => {
    // 4.5 GiB fit once on a node of 8 GiB; three are less than what both nodes have.
    const [one, two] = await Promise.all([create('large-1', {}, '4500Mi'), create('large-2', {}, '4500Mi')]);
    await Promise.all([becomes(one, 'Running'), becomes(two, 'Running')]);
    const three = await create('large-3', {}, '4500Mi');
    const { message } = await isNotReady(three, 'Unschedulable');
    expect(message).toContain(REASONS.Unschedulable);
    expect(message).toContain('Insufficient memory');
    await ada.call('POST', path(one, '/stop'));
    await becomes(three, 'Running');
  }, 240_000);
});

describe('a stop with unsaved work', () => {
  it('tells every program of the person’s, which has time to save to a volume', async () => {
    const seat = await create('unsaved');
    await becomes(seat, 'Running');
    const editor = `trap 'sleep 1; echo saved > /workspace/saved; exit' TERM; while :; do sleep 0.1; done`;
    await shell(await kubectlOf(ada, seat), seat, `nohup sh -c "${editor}" >/dev/null 2>&1 & echo begun`);
    await ada.call('POST', path(seat, '/stop'));
    await becomes(seat, 'Stopped');
    await ada.call('POST', path(seat, '/start'));
    await becomes(seat, 'Running');
    expect(await shell(await kubectlOf(ada, seat), seat, 'cat /workspace/saved')).toBe('saved');
  }, 180_000);
});
