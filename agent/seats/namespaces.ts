/** The namespaces of teams: made once, never adopted, kept in shape, and cleared of what would undo their guard (kubernetes.md findings 3, 5, 17). */
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { DEPLOYMENT_LABEL, MANAGED } from '#core/domain/seat/names.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import type { Ensure } from './ensure.ts';
import type { Written } from './facts.ts';
import { type Mirrors, PRUNED } from './mirrors.ts';
import type { Tell } from './tell.ts';

/** A namespace of that name was made by somebody else: it is never taken over. */
export class NamespaceConflictError extends Error {
  constructor(namespace: string, whose: string) {
    super(`the namespace ${namespace} exists and ${whose}: it is left alone. Remove or rename it`);
    this.name = 'NamespaceConflictError';
  }
}

/** Rights take a moment to count after they were given. */
const RIGHTS_MS = [100, 200, 400, 800, 1600];

export interface NamespacesOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly ensure: Ensure;
  readonly tell: Tell;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What a team's namespace holds, the namespace itself first. */
  readonly render: (team: string, namespace: string) => readonly KubernetesObject[];
  readonly deploymentId: () => string;
}

export interface Namespaces {
  /** Makes it and everything in it be as it should. Throws NamespaceConflictError; answers when to look again, if at all. */
  shape(team: string, namespace: string): Promise<number | undefined>;
}

export const namespacesOf = (options: NamespacesOptions): Namespaces => {
  const { kubernetes, mirrors, ensure, tell, clock, signal, render, deploymentId } = options;
  const underWay = new Map<string, Promise<number | undefined>>();

  /** Creates, never adopts: an apply would take over what is there. */
  const make = async (object: KubernetesObject) => {
    const { name } = object.metadata;
    const own = deploymentId();
    const known = mirrors.Namespace.get('', name);
    if (known) {
      if (known.deployment !== own)
        throw new NamespaceConflictError(name, `belongs to the deployment ${known.deployment}`);
      return;
    }
    try {
      mirrors.Namespace.learn(
        await kubernetes.request<Item>('POST', pathOf(kinds.Namespace), { body: object, signal }),
      );
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      const there = await kubernetes.request<Item>('GET', pathOf(kinds.Namespace, undefined, name), { signal });
      const { [MANAGED]: managed, [DEPLOYMENT_LABEL]: deployment } = there.metadata.labels ?? {};
      if (managed === undefined) throw new NamespaceConflictError(name, 'was not made by Roadstead');
      if (deployment !== own) throw new NamespaceConflictError(name, `belongs to the deployment ${deployment}`);
      mirrors.Namespace.learn(there);
    }
  };

  const withRights = async <T>(act: () => Promise<T>): Promise<T> => {
    for (const ms of RIGHTS_MS) {
      try {
        return await act();
      } catch (error) {
        if (!hasStatus(error, 403)) throw error;
        await clock.sleep(ms, signal);
      }
    }
    return act();
  };

  const shape = async (team: string, namespace: string): Promise<number | undefined> => {
    const objects = render(team, namespace);
    const [first, ...rest] = objects;
    if (!first) return undefined;
    const isNew = mirrors.Namespace.get('', namespace) === undefined;
    await make(first);
    if (mirrors.Namespace.get('', namespace)?.deleting) throw new Error(`the namespace ${namespace} is being deleted`);

    let again: number | undefined;
    for (const object of [first, ...rest]) {
      const ensured = await (isNew ? withRights(() => ensure(object)) : ensure(object));
      if (ensured.did === 'waits') again = Math.min(again ?? Number.POSITIVE_INFINITY, ensured.ms);
      if (ensured.did === 'repaired') tell.drift(object, ensured.how);
    }
    const expected = new Set(rest.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
    const isStray = (object: Written) => object.seat === undefined && !expected.has(`${object.kind}/${object.name}`);
    for (const kind of PRUNED) {
      for (const object of [...mirrors[kind].within(namespace)].filter(isStray)) {
        if ((await ensure.remove(object)) && object.rendered === undefined) tell.foreign(object);
      }
    }
    return again;
  };

  return {
    shape: (team, namespace) => {
      const known = underWay.get(namespace);
      if (known) return known;
      const shaping = shape(team, namespace).finally(() => underWay.delete(namespace));
      underWay.set(namespace, shaping);
      return shaping;
    },
  };
};
