/**
 * Makes one object be as rendered, with as few calls as can be: nothing is asked or written while what the watch shows is what our last
 * write left there. Objects that pods depend on are replaced (PUT), since an apply leaves in place what others added (kubernetes.md finding 3).
 */
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { hashOf } from '../kubernetes/print.ts';
import { type BackOff, waitAfter } from '../kubernetes/queue.ts';
import type { Written } from './facts.ts';
import type { Mirrors, WrittenKind } from './mirrors.ts';
import { ANNOTATION } from './names.ts';

export const MANAGER = 'roadstead-agent';
const REPLACED: ReadonlySet<string> = new Set(['StatefulSet', 'Service', 'NetworkPolicy', 'Role']);
const TRIES = 5;
/** Who left an object alone for this long fights no more. */
const PEACE_MS = 600_000;

export type Ensured =
  | { readonly did: 'nothing' | 'created' | 'changed' }
  /** Somebody else had changed it, or taken it away. */
  | { readonly did: 'repaired'; readonly how: 'changed' | 'deleted' }
  /** Somebody else changes it again and again: it is repaired after this many milliseconds. */
  | { readonly did: 'waits'; readonly ms: number };

export interface EnsureOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly clock: Clock;
  readonly backOff: BackOff;
  readonly signal: AbortSignal;
}

export interface Ensure {
  (object: KubernetesObject): Promise<Ensured>;
  /** Deletes an object that should not be; `false` when it was gone before. */
  remove(object: Pick<Written, 'kind' | 'namespace' | 'name' | 'uid'>): Promise<boolean>;
}

interface Left {
  /** Print of what was rendered, and of what the server made of it. */
  readonly rendered: string;
  readonly print: string;
}

export const ensurer = ({ kubernetes, mirrors, clock, backOff, signal }: EnsureOptions): Ensure => {
  const left = new Map<string, Left>();
  const fights = new Map<string, { readonly repairs: number; readonly at: number }>();

  const ensure = async (given: KubernetesObject): Promise<Ensured> => {
    const name = given.kind as WrittenKind;
    const mirror = mirrors[name];
    const { namespace = '' } = given.metadata;
    const key = `${name}/${namespace}/${given.metadata.name}`;
    const path = pathOf(kinds[name], namespace, given.metadata.name);
    const rendered = hashOf(given);
    const annotations = { ...given.metadata.annotations, [ANNOTATION.rendered]: rendered };
    const object = { ...given, metadata: { ...given.metadata, annotations } };

    const seen = mirror.get(namespace, given.metadata.name);
    const before = left.get(key);
    const same = before?.rendered === rendered;
    if (seen && same && before.print === seen.print) return { did: 'nothing' };
    // A namespace, and what is held by a finalizer, must go first; its end is an event that leads back here.
    if (seen?.deleting) return { did: 'nothing' };

    const isDrift = seen ? (before ? same : seen.rendered === rendered) : same;
    const fight = fights.get(key);
    if (isDrift && fight && clock.now() - fight.at < PEACE_MS) {
      const ms = fight.at + waitAfter(backOff, fight.repairs - 1) - clock.now();
      if (ms > 0) return { did: 'waits', ms };
    }

    const learn = (answer: Item): Written => {
      const now = mirror.learn(answer);
      if (!now) throw new Error(`the API answered another object for ${path}`);
      left.set(key, { rendered, print: now.print });
      return now;
    };
    const create = () => kubernetes.request<Item>('POST', pathOf(kinds[name], namespace), { body: object, signal });
    const replace = async (): Promise<Item> => {
      let version = seen?.version;
      for (let attempt = 1; ; attempt++) {
        try {
          if (version === undefined) return await create();
          const body = { ...object, metadata: { ...object.metadata, resourceVersion: version } };
          return await kubernetes.request<Item>('PUT', path, { body, signal });
        } catch (error) {
          const behind = hasStatus(error, 409) || (hasStatus(error, 404) && version !== undefined);
          if (!behind || attempt === TRIES) throw error;
          version = await kubernetes
            .request<Item>('GET', path, { signal })
            .then(({ metadata }) => metadata.resourceVersion)
            .catch((missing: unknown) => {
              if (hasStatus(missing, 404)) return undefined;
              throw missing;
            });
        }
      }
    };
    const apply = () =>
      kubernetes.request<Item>('PATCH', path, {
        query: { fieldManager: MANAGER, force: true },
        contentType: 'application/apply-patch+yaml',
        body: object,
        signal,
      });

    const now = learn(await (REPLACED.has(name) ? replace() : apply()));
    if (seen && seen.print === now.print) return { did: 'nothing' };
    if (!isDrift) return { did: seen ? 'changed' : 'created' };
    fights.set(key, { repairs: fight && clock.now() - fight.at < PEACE_MS ? fight.repairs + 1 : 1, at: clock.now() });
    return { did: 'repaired', how: seen ? 'changed' : 'deleted' };
  };

  const remove: Ensure['remove'] = async ({ kind, namespace, name, uid }) => {
    left.delete(`${kind}/${namespace}/${name}`);
    fights.delete(`${kind}/${namespace}/${name}`);
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid } };
    try {
      await kubernetes.request('DELETE', pathOf(kinds[kind as WrittenKind], namespace, name), { body, signal });
      return true;
    } catch (error) {
      // 409: another object of this name by now, which is not the one that was meant.
      if (hasStatus(error, 404) || hasStatus(error, 409)) return false;
      throw error;
    }
  };

  return Object.assign(ensure, { remove });
};
