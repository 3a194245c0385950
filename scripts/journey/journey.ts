/** The main job from sign-up to nothing left: what `npm run demo` shows here and `npm run smoke` checks against any deployment. */

import type { TokenReply } from '#core/contract/account.ts';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Operation } from '#core/contract/operation.ts';
import type { ClusterChanged, Push } from '#core/contract/socket.ts';
import { createSession, type Session, signIn, type Watch } from './client.ts';
import { openKubectl } from './kubectl.ts';
import { keepWatching } from './lasting.ts';
import { seatLife } from './seat.ts';

export interface JourneyOptions {
  /** Where the API is, without a trailing slash. */
  readonly url: string;
  /** How the person gets in: registers (open mode), or signs in with an account that is there. */
  readonly person: { readonly email: string; readonly password: string; readonly register: boolean };
  /** Seconds that creating and deleting may take, each. */
  readonly patience: number;
  /** One step done: what it was and what came of it. */
  readonly say: (step: string, result: string) => void;
  /** Lines under the present step. */
  readonly show: (text: string) => void;
}

const connected = (push: ClusterChanged): string | undefined =>
  push.conditions.find((each) => each.type === 'Connected')?.status;

const tell = (push: Push): string => {
  if (push.type === 'group.changed')
    return `push #${push.version} group ${push.name}: ${push.seats} of ${push.replicas}`;
  if (push.type === 'workspace.changed') {
    const ready = push.conditions.find((each) => each.type === 'Ready');
    return `push #${push.version} dev pod ${push.phase}${ready === undefined ? '' : ` · ${ready.reason}`}`;
  }
  const status = connected(push);
  return `push #${push.version} ${push.phase}${push.step === undefined ? '' : ` · ${push.step}`}${status === undefined ? '' : ` · Connected=${status}`}`;
};

/** Signs up or in. */
export const enter = async (
  session: Session,
  { email, password, register }: JourneyOptions['person'],
): Promise<string> => {
  if (register) await session.call('POST', '/api/v1/auth/register', { email, password });
  signIn(session, await session.call<TokenReply>('POST', '/api/v1/auth/token', { email, password }));
  const { account } = await session.call<{ account: { id: string } }>('GET', '/api/v1/me');
  return `${register ? 'registered and signed in' : 'signed in'} as ${account.id}`;
};

/** Runs the whole journey. Throws at the first thing that is not as it should be. Answers the deleted cluster's id. */
export const journey = async (options: JourneyOptions): Promise<string> => {
  const { say, show } = options;
  const session = createSession(options.url);
  await session.call('GET', '/api/v1/healthz');
  say('API', `healthy at ${options.url}`);
  say('Account', await enter(session, options.person));

  const watching = await keepWatching(session);
  watching.onPush = (push) => show(tell(push));
  try {
    say('Socket', 'opened with a single-use ticket, subscribed to the personal team');
    return await clusterLife(session, watching, options);
  } finally {
    await watching.close();
  }
};

const clusterLife = async (
  session: Session,
  watching: Watch,
  { say, show, patience }: JourneyOptions,
): Promise<string> => {
  const name = `demo-${Date.now().toString(36)}`;
  const made = await session.call<Cluster>(
    'POST',
    '/api/v1/clusters',
    {
      name,
      workers: { count: 2, size: 'small' },
      ttlSeconds: 3600,
      labels: { purpose: 'demo' },
      takesWorkspaces: true,
    },
    { 'idempotency-key': `journey-${name}` },
  );
  const { id } = made;
  say(
    'Create',
    `${name} (${id}) accepted, Kubernetes ${made.kubernetesVersion}, about $${made.estimatedUsdPerHour} an hour`,
  );
  const of = (matches: (push: ClusterChanged) => boolean) => (push: ClusterChanged) => push.id === id && matches(push);
  await watching.until(
    'Pending',
    of((push) => push.phase === 'Pending'),
    30,
  );
  await watching.until(
    'Provisioning with its step',
    of((push) => push.phase === 'Provisioning' && push.step !== undefined),
    patience,
  );
  const ended = await watching.until(
    'Ready',
    of((push) => push.phase === 'Ready' || push.phase === 'Failed'),
    patience,
  );
  if (ended.phase === 'Failed')
    throw new Error(
      `the cluster failed: ${JSON.stringify((await session.call<Cluster>('GET', `/api/v1/clusters/${id}`)).error)}`,
    );
  say('Ready', `expires ${ended.expiresAt}`);

  const operation = await session.call<Operation>('GET', `/api/v1/operations/${made.operationId}`);
  show(
    operation.steps
      .map(
        (step) =>
          `${step.name} ${((Date.parse(step.endedAt ?? step.startedAt) - Date.parse(step.startedAt)) / 1000).toFixed(1)} s`,
      )
      .join(', '),
  );

  const info = await reported(session, id, 30);
  say(
    'Agent',
    `${info.agent?.version} says Kubernetes ${info.agent?.kubernetesVersion}, ${info.info?.readyNodes} of ${info.info?.nodes} nodes ready`,
  );

  const kubectl = await openKubectl(await session.call<string>('GET', `/api/v1/clusters/${name}/kubeconfig`));
  try {
    show(await kubectl.nodesAndPods());
    say('Kubeconfig', `fetched and used by ${kubectl.by}`);
    const extended = await session.call<Cluster>('POST', `/api/v1/clusters/${id}/extend`, { ttlSeconds: 7200 });
    if ((extended.expiresAt ?? '') <= (ended.expiresAt ?? ''))
      throw new Error(`the extended cluster expires ${extended.expiresAt}, before it did ${ended.expiresAt}`);
    say('Extend', `now expires ${extended.expiresAt}`);

    const before = extended.version;
    await kubectl.scaleAgent(0);
    const lost = await watching.until(
      'Connected=False',
      of((push) => push.version > before && connected(push) === 'False'),
      60,
    );
    say(
      'Agent off',
      `Connected=False was pushed (${lost.conditions.find((each) => each.type === 'Connected')?.reason})`,
    );
    await kubectl.scaleAgent(1);
    await watching.until(
      'Connected=True',
      of((push) => push.version > lost.version && connected(push) === 'True'),
      120,
    );
    say('Agent on', 'Connected=True was pushed');
  } finally {
    kubectl.close();
  }

  await seatLife(session, watching, { cluster: id, patience, say, show });

  await session.call('DELETE', `/api/v1/clusters/${id}`);
  const gone = await watching.until(
    'Deleted',
    of((push) => push.phase === 'Deleted' || push.phase === 'Failed'),
    patience,
  );
  if (gone.deleted !== true)
    throw new Error(
      `the delete failed: ${JSON.stringify((await session.call<Cluster>('GET', `/api/v1/clusters/${id}`)).error)}`,
    );
  const { items } = await session.call<{ items: Cluster[] }>('GET', '/api/v1/clusters');
  if (items.some((each) => each.id === id)) throw new Error('the deleted cluster is still listed');
  say('Delete', 'Deleted was pushed; the list is without it');
  return id;
};

/** The agent's first report may come a moment after its hello. */
const reported = async (session: Session, id: string, seconds: number): Promise<Cluster> => {
  for (const end = Date.now() + seconds * 1000; ; ) {
    const cluster = await session.call<Cluster>('GET', `/api/v1/clusters/${id}`);
    if ((cluster.info?.readyNodes ?? 0) > 0) return cluster;
    if (Date.now() > end)
      throw new Error(`the agent reported no ready node within ${seconds} s: ${JSON.stringify(cluster.info ?? null)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
};
