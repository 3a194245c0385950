/** Dev pods of this cluster: what the control plane wants is written as Workspaces, and each Workspace is made true (DESIGN §2, §6). */
import { DEPLOYMENT_LABEL, TEAM_LABEL } from '#core/domain/seat/names.ts';
import { renderNamespace } from '#core/domain/seat/namespace.ts';
import type { Policy } from '#core/domain/seat/policy.ts';
import type { Api } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { Kubernetes } from '../kubernetes/client.ts';
import { workQueue } from '../kubernetes/queue.ts';
import type { Link } from '../link.ts';
import { type Log, reason } from '../log.ts';
import { censusTeller } from './census.ts';
import type { ClusterRecord } from './cluster-record.ts';
import { type Desired, desiredState } from './desired.ts';
import { ensurer } from './ensure.ts';
import type { NamespaceFacts, WorkspaceFacts } from './facts.ts';
import { asStopped, idleStopOf } from './idle.ts';
import { type Mirrors, watchSeats } from './mirrors.ts';
import { namespacesOf } from './namespaces.ts';
import { seatObserver } from './observe-seat.ts';
import { outbox as openOutbox } from './outbox.ts';
import { PACES, type SeatPaces } from './paces.ts';
import { watchPolicy } from './policy-watch.ts';
import { clusterRanges } from './ranges.ts';
import { prune, reconcileSeat } from './reconcile.ts';
import { reporter as makeReporter } from './reporter.ts';
import { seatSecrets } from './secrets.ts';
import type { Source } from './sync.ts';
import { teller } from './tell.ts';
import { undertaker } from './undertaker.ts';
import { wantedWriter } from './wanted-writer.ts';

export interface SeatsOptions {
  readonly kubernetes: Kubernetes;
  readonly api: Api;
  readonly record: ClusterRecord;
  /** The agent's own namespace. */
  readonly namespace: string;
  readonly nodes: ReadonlyMap<
    string,
    { readonly zone?: string; readonly ranges?: readonly string[]; readonly ready?: boolean }
  >;
  /** The policy of the cluster's admin was read for the first time, or is another one. */
  readonly onPolicy: () => void;
  /** Addresses that answer DNS for the agent's own pod. */
  readonly resolvers: readonly string[];
  /** As recorded when this cluster was last told of seats: what counts until a control plane is heard. */
  readonly recorded: Source | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly paces?: Partial<SeatPaces>;
}

export interface Seats {
  readonly desired: Desired;
  readonly mirrors: Mirrors;
  use(link: Link): void;
  say(action: string, resource: string, detail: string): void;
  profiles(): Policy['profiles'];
  /** Seats are stopped from now on, whatever is wanted: the cluster is on its way out. */
  stopAll(): void;
  /** Pods of seats in namespaces that are ours. */
  pods(): number;
  /** Ends when the signal has aborted and nothing is being written any more. */
  readonly done: Promise<void>;
}

export const startSeats = (options: SeatsOptions): Seats => {
  const { kubernetes, api, record, namespace: own, nodes, resolvers, recorded, clock, log, signal } = options;
  const { backOff, looks, resyncMs, secretsMs, policyMs, slowDeleteMs } = { ...PACES, ...options.paces };
  const outbox = openOutbox({ clock, log, backOff, signal });
  const tell = teller(outbox, log);
  let leaving = false;

  const onChange = (namespace: string, seat?: string) => {
    if (seat === undefined) {
      namespaces.add(namespace);
      for (const { name, status } of mirrors.Workspace.within(namespace))
        if (!status) seats.add(`${namespace}/${name}`);
      return;
    }
    const tombstone = desired.tombstone(seat);
    if (tombstone) burials.add(tombstone.id);
    else seats.add(`${namespace}/${seat}`);
  };
  const onWorkspace = (before: WorkspaceFacts | undefined, now: WorkspaceFacts | undefined) => {
    const one = now ?? before;
    if (!one) return;
    onChange(one.namespace, one.name);
    const id = one.spec?.id;
    if (!now) {
      reporter.gone(one, mirrors.Namespace.get('', one.namespace)?.team);
      observer.forget(one.namespace, one.name);
      secrets.forget(one.namespace, one.name);
      if (id === undefined || one.origin === 'Cluster' || desired.tombstone(one.name)) return;
      tell.drift({ kind: 'Workspace', metadata: one }, 'deleted');
      desired.refresh(id);
    } else if (id !== undefined && before?.breakGlass !== undefined && now.breakGlass === undefined) {
      desired.refresh(id);
    } else if (before?.breakGlass === undefined && now.breakGlass !== undefined && now.origin === 'ControlPlane') {
      tell.say('Overridden', `Workspace ${now.namespace}/${now.name}`, `reason given: ${now.breakGlass}`);
    }
  };

  const mirrors = watchSeats({ kubernetes, onChange, onWorkspace, clock, log, signal });
  const policies = watchPolicy({
    kubernetes,
    namespace: own,
    onChange: (digest) => {
      resync();
      options.onPolicy();
      void record.goesBy(digest).catch((error: unknown) => {
        log('warn', 'by which policy dev pods are judged was not written down', { reason: reason(error) });
      });
    },
    clock,
    log,
    signal,
    lookMs: policyMs,
  });
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  /** Everything is known that decisions are made from, or it is over. */
  const ranges = clusterRanges({ kubernetes, nodes, log, signal });
  const ready = Promise.race([Promise.all([mirrors.listed, policies.ready, ranges.refresh()]), stopped]);
  const ensure = ensurer({ kubernetes, mirrors, clock, backOff, signal });
  const reporter = makeReporter({ kubernetes, mirrors, outbox, clock, signal });
  const secrets = seatSecrets({ kubernetes, api, tell, clock, signal, lookMs: secretsMs });
  const makes = { kubernetes, mirrors, ensure, secrets, policy: () => policies.policy(), tell, signal };
  const deploymentId = () => (desired.source() ?? recorded)?.deploymentId ?? '';

  const desired = desiredState({
    record,
    here: () =>
      [...mirrors.Workspace.all()].filter(
        ({ origin, labels }) => origin === 'ControlPlane' && labels[DEPLOYMENT_LABEL] === deploymentId(),
      ),
    ready,
    onWanted: (id) => writes.add(id),
    onTombstone: (id) => burials.add(id),
    onUnlisted: ({ namespace, name }) => seats.add(`${namespace}/${name}`),
    tell,
    clock,
    log,
    backOff,
    signal,
  });

  const observer = seatObserver({
    kubernetes,
    mirrors,
    reporter,
    nodes,
    isUnlisted: desired.isUnlisted,
    looks,
    clock,
    signal,
  });
  const shaper = namespacesOf({
    kubernetes,
    mirrors,
    ensure,
    tell,
    clock,
    signal,
    deploymentId,
    render: (team, namespace) => {
      const { network: asked, ceilings } = policies.policy();
      const network = {
        resolvers: [...new Set([...asked.resolvers, ...resolvers])],
        excluded: [...new Set([...asked.excluded, ...ranges.all()])],
      };
      return renderNamespace(team, { deploymentId: deploymentId(), network, ceilings: ceilings.team, namespace });
    },
  });

  const isOwn = (facts: NamespaceFacts | undefined): facts is NamespaceFacts & { team: string } =>
    facts?.team !== undefined && facts.deployment === deploymentId();

  const shape = async (namespace: string) => {
    const facts = mirrors.Namespace.get('', namespace);
    if (!isOwn(facts) || facts.deleting) return undefined;
    return shaper.shape(facts.team, namespace);
  };

  const reconcile = async (key: string): Promise<number | undefined> => {
    const [namespace = '', name = ''] = key.split('/');
    if (desired.tombstone(name)) return undefined;
    const there = mirrors.Workspace.get(namespace, name);
    const facts = mirrors.Namespace.get('', namespace);
    const isOurs = isOwn(facts) && !facts.deleting;
    if (!there) {
      if (isOurs) await prune(namespace, name, new Set(), { mirrors, ensure, tell });
      return undefined;
    }
    if (there.deleting) return undefined;
    const idle = idleStopOf(there);
    const workspace = leaving || idle ? asStopped(there) : there;
    if (!isOurs) {
      const team = workspace.labels[TEAM_LABEL];
      if (workspace.origin === 'ControlPlane' && team !== undefined && facts === undefined) {
        await shaper.shape(team, namespace);
        return 1;
      }
      log('warn', 'a Workspace outside the namespaces of Roadstead is left alone', { namespace, name });
      return undefined;
    }
    if (writer.isTampered(there)) {
      const id = workspace.spec?.id ?? name.replace('-', '_');
      if (!desired.wanted(id)) desired.refresh(id);
      return undefined;
    }
    const made = await reconcileSeat(workspace, facts, makes);
    const next = await observer.observe(workspace, facts.team, made, idle);
    if (made.error !== undefined) throw made.error;
    return made.again === undefined || next === undefined ? (made.again ?? next) : Math.min(made.again, next);
  };

  const writer = wantedWriter({
    kubernetes,
    mirrors,
    shaper,
    wanted: (id) => desired.wanted(id),
    reporter,
    tell,
    deploymentId,
    onWritten: (seat, namespace, name) => {
      desired.written(seat);
      seats.add(`${namespace}/${name}`);
    },
    signal,
  });

  const queue = (name: string, work: (key: string) => Promise<number | undefined>) =>
    workQueue({
      name,
      work: async (key) => {
        await ready;
        return signal.aborted ? undefined : work(key);
      },
      backOff,
      clock,
      log,
      signal,
    });
  const namespaces = queue('namespace', shape);
  const seats = queue('seat', reconcile);
  const writes = queue('seat to be written', writer.write);
  const burials = queue(
    'seat to be deleted',
    undertaker({ ...makes, desired, outbox, nodes, slowMs: slowDeleteMs, lookMs: backOff.firstMs, clock }),
  );

  const resync = () => {
    for (const { name } of mirrors.Namespace.all()) namespaces.add(name);
    for (const { namespace, name } of mirrors.Workspace.all()) onChange(namespace, name);
  };
  const census = censusTeller({
    ready,
    uids: () => [...mirrors.Workspace.all()].flatMap(({ uid, origin }) => (origin === 'ControlPlane' ? [] : [uid])),
    log,
    signal,
  });
  const keepResyncing = async () => {
    await ready;
    while (!signal.aborted) {
      await clock.sleep(resyncMs, signal);
      await ranges.refresh();
      if (!signal.aborted) resync();
    }
    await Promise.all([namespaces, seats, writes, burials].map((one) => one.settled()));
  };

  return {
    desired,
    mirrors,
    use: (link) => {
      outbox.use(link);
      desired.follow(link);
      census(link);
    },
    say: tell.say,
    profiles: () => policies.policy().profiles,
    stopAll: () => {
      leaving = true;
      resync();
    },
    pods: () => [...mirrors.Pod.all()].filter(({ namespace }) => isOwn(mirrors.Namespace.get('', namespace))).length,
    done: keepResyncing(),
  };
};
