/** The tasks of `cluster-create` that act: each idempotent, each answers small facts (DESIGN §3 task, §4 EKS). */
import * as z from 'zod';
import { renderAgentManifest } from '#core/domain/agent-manifest.ts';
import { madeAnew } from '#core/domain/cluster-anew.ts';
import { AGENT_NAME, AGENT_NAMESPACE } from '#core/domain/seat/names.ts';
import { newInstallToken, tokenStateOf } from '#core/domain/token.ts';
import { sha256 } from '#core/store/keys.ts';
import { task } from '../../lib/task.ts';
import { withinOperation, withinSeconds } from '../lib/deadline.ts';
import { type ConnectKubernetes, type Providers, providerOf } from '../providers/provider.ts';

interface WithProviders {
  readonly providers: Providers;
}
interface WithKubernetes extends WithProviders {
  readonly connect: ConnectKubernetes;
}

const progress = z.strictObject({ state: z.enum(['active', 'going', 'absent']) });

export const ensureCluster = task<WithProviders, unknown, z.infer<typeof progress>>({
  step: 'EnsureCluster',
  output: progress,
  run: async ({ deps, cluster }) => ({ state: await providerOf(deps.providers, cluster).ensure(cluster) }),
});

export const observeCluster = task<
  WithProviders & { readonly activeDeadlineSeconds: number },
  unknown,
  z.infer<typeof progress>
>({
  step: 'ObserveCluster',
  output: progress,
  run: async ({ deps, cluster, operation }) => {
    const state = await providerOf(deps.providers, cluster).observe(cluster);
    if (state !== 'active')
      withinSeconds(operation, deps.activeDeadlineSeconds, deps.now(), 'the provider did not make the cluster active');
    return { state };
  },
});

export const grantAccess = task<WithProviders, unknown, null>({
  step: 'GrantAccess',
  output: z.null(),
  run: async ({ deps, cluster }) => {
    await providerOf(deps.providers, cluster).grantAccess(cluster);
    return null;
  },
});

export const ensureCompute = task<WithKubernetes, unknown, z.infer<typeof progress>>({
  step: 'EnsureCompute',
  output: progress,
  run: async ({ deps, cluster, operation }) => {
    const provider = providerOf(deps.providers, cluster);
    await provider.ensureCompute(cluster, deps.connect);
    const state = await provider.observeCompute(cluster);
    if (state !== 'active') withinOperation(operation, deps.now(), 'the nodes were not usable');
    return { state };
  },
});

/** What a kubeconfig names: goes from the one task that asks for it to the one that records it. */
const installed = z.strictObject({
  endpoint: z.string().nullable(),
  certificateAuthority: z.string().nullable(),
  /** How long the agent's hello is waited for. */
  helloSeconds: z.int(),
});

/** Its uid is the cluster's. */
const KUBE_SYSTEM = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } };
/** Where the agent keeps its own token. */
const AGENT_SECRET = { apiVersion: 'v1', kind: 'Secret', metadata: { name: AGENT_NAME, namespace: AGENT_NAMESPACE } };

export const installAgent = task<
  WithKubernetes & {
    readonly image: string;
    readonly socketUrl: string;
    readonly apiUrl: string;
    readonly version: string;
    readonly helloSeconds: number;
  },
  unknown,
  z.infer<typeof installed>
>({
  step: 'InstallAgent',
  output: installed,
  run: async ({ deps, cluster, operation, commit }) => {
    const provider = providerOf(deps.providers, cluster);
    const access = await provider.access(cluster);
    const known = access ?? (await provider.describe(cluster));
    const answer = {
      endpoint: known?.endpoint ?? null,
      certificateAuthority: known?.ca ?? null,
      helloSeconds: provider.helloSeconds ?? deps.helloSeconds,
    };
    if (access === null) return answer;

    const kubernetes = deps.connect(access);
    const tokens = await deps.store.tokens.ofCluster(cluster.id);
    const live = tokens.filter((token) => token.kind === 'agent' && tokenStateOf(token, deps.now()) === 'Active');
    const anew = cluster.clusterUid !== undefined && (await kubernetes.uid(KUBE_SYSTEM)) !== cluster.clusterUid;
    if (anew) await commit((subject) => madeAnew(subject.cluster, live, deps.now()));
    // An agent that has its own token needs none from us; a fresh one in its Secret would only be looked at with suspicion.
    const hasToken = !anew && live.length > 0 && (await kubernetes.uid(AGENT_SECRET)) !== null;
    const installToken = hasToken ? undefined : `rsi_${deps.newSecret()}`;
    if (installToken !== undefined)
      await commit(() =>
        newInstallToken(
          { hash: sha256(installToken), cluster: cluster.id, team: cluster.team, actor: 'system' },
          { now: deps.now(), newId: deps.newId },
        ),
      );
    const objects = renderAgentManifest({
      image: deps.image,
      socketUrl: deps.socketUrl,
      apiUrl: deps.apiUrl,
      installToken,
      clusterId: cluster.id,
      drain: provider.drainable,
      workspaces: cluster.takesWorkspaces,
      version: deps.version,
    });
    // Also where the agent was there before: a retry is what mends an installation that was cut short, or an image that does not start.
    for (const object of objects) await kubernetes.apply(object);
    deps.log.info('the agent is installed', { operation: operation.id, cluster: cluster.id });
    return answer;
  },
});
