/**
 * The Kubernetes Secret of a seat: values fetched over HTTPS when the names or versions in its spec change, or when it is no longer as it was left.
 * Nothing is read back: an empty patch tells whether the Secret is there and for which versions, with no right to read Secrets (kubernetes.md finding
 * 21). One that a cluster's admin applied has no secrets with us: its Secret holds a host key that is made here (docs/adr/0037).
 */
import type { DesiredSeat } from '#core/contract/seat.ts';
import { makeHostKey } from '#core/domain/seat/host-key.ts';
import { seatName } from '#core/domain/seat/names.ts';
import { secretValue } from '#core/domain/seat/pod.ts';
import { HOST_KEY_FILE, renderSeatSecret, type SeatContext } from '#core/domain/seat/render.ts';
import type { Api } from '../api.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { hashOf } from '../kubernetes/print.ts';
import { MANAGER } from './ensure.ts';
import { ANNOTATION } from './names.ts';
import type { Tell } from './tell.ts';

export type SecretOutcome =
  | { readonly ready: true }
  /** `blocks`: the pod must not be (re)started with what is there now. */
  | { readonly ready: false; readonly blocks: boolean; readonly error: unknown };

export interface SeatSecretsOptions {
  readonly kubernetes: Kubernetes;
  readonly api: Api;
  readonly tell: Tell;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Secrets are not watched: that of a seat which runs is looked at again after this many milliseconds. */
  readonly lookMs: number;
}

export interface SeatSecrets {
  /** `occasion` is another one whenever a pod may be about to begin: the Secret is looked at before. */
  ensure(seat: DesiredSeat, context: SeatContext, occasion: string): Promise<SecretOutcome>;
  /** The seat is gone, and its Secret with it. */
  forget(namespace: string, name: string): void;
}

/** What an empty patch tells of a Secret. */
interface Seen {
  readonly uid: string;
  readonly version: string;
  /** What it was written for; absent where we did not write it. */
  readonly writtenFor?: string | undefined;
}

interface Look {
  /** Absent when there was no Secret. */
  readonly seen: Seen | undefined;
  readonly occasion: string;
  readonly at: number;
}

/** A cluster's admin applied it. */
const isTheirs = ({ spec }: DesiredSeat): boolean => spec.id === undefined;

/** What a Secret is written for: of the environment apart, as a pod reads that only once. */
const forOf = (seat: DesiredSeat, { workspaceUid }: SeatContext): string => {
  const secrets = isTheirs(seat) ? [] : seat.spec.secrets;
  const values = secrets.map(secretValue).sort();
  const environment = secrets.filter(({ as }) => as === 'Env').map(secretValue);
  return `${hashOf(environment.sort())}.${hashOf([values, workspaceUid])}`;
};
const environmentOf = (written = '') => written.split('.')[0];

const seenOf = ({ metadata }: Item): Seen => ({
  uid: metadata.uid,
  version: metadata.resourceVersion,
  writtenFor: metadata.annotations?.[ANNOTATION.rendered],
});

export const seatSecrets = (options: SeatSecretsOptions): SeatSecrets => {
  const { kubernetes, api, tell, clock, signal, lookMs } = options;
  /** By namespace and name: the last look at each Secret, and how we left it. */
  const looks = new Map<string, Look>();
  const left = new Map<string, Seen>();

  const peek = async (path: string): Promise<Seen | undefined> => {
    try {
      const contentType = 'application/merge-patch+json';
      return seenOf(await kubernetes.request<Item>('PATCH', path, { contentType, body: {}, signal }));
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  };
  const isRecent = ({ spec: { runState } }: DesiredSeat, look: Look, occasion: string): boolean =>
    runState === 'Stopped' || (look.occasion === occasion && clock.now() - look.at < lookMs);
  const look = async (seat: DesiredSeat, key: string, path: string, occasion: string): Promise<Seen | undefined> => {
    const last = looks.get(key);
    if (last && isRecent(seat, last, occasion)) return last.seen;
    const seen = await peek(path);
    looks.set(key, { seen, occasion, at: clock.now() });
    return seen;
  };

  const isAsWanted = (seat: DesiredSeat, wanted: string, seen: Seen | undefined, before: Seen | undefined): boolean => {
    // Theirs may be made by hand, or added to.
    if (seen && isTheirs(seat)) return seen.writtenFor === undefined || seen.writtenFor === wanted;
    return seen?.writtenFor === wanted && (before === undefined || before.version === seen.version);
  };

  const valuesOf = async (seat: DesiredSeat): Promise<Readonly<Record<string, string>>> => {
    if (isTheirs(seat)) return { [HOST_KEY_FILE]: makeHostKey() };
    const { values, hostKey } = await api.secrets(seat.id);
    return { ...Object.fromEntries(values.map(({ name, value }) => [name, value])), [HOST_KEY_FILE]: hostKey };
  };

  const write = async (seat: DesiredSeat, context: SeatContext, wanted: string, seen: Seen | undefined) => {
    const secret = renderSeatSecret(seat, context, await valuesOf(seat));
    const { namespace, name } = secret.metadata;
    const path = pathOf(kinds.Secret, namespace, name);
    const annotations = { ...secret.metadata.annotations, [ANNOTATION.rendered]: wanted };
    const body = { ...secret, metadata: { ...secret.metadata, annotations } };
    if (!isTheirs(seat)) {
      const query = { fieldManager: MANAGER, force: true };
      const contentType = 'application/apply-patch+yaml';
      return seenOf(await kubernetes.request<Item>('PATCH', path, { query, contentType, body, signal }));
    }
    // Of an earlier Workspace of this name, and about to be collected.
    if (seen) {
      const preconditions = { uid: seen.uid };
      await kubernetes.request('DELETE', path, {
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions },
        signal,
      });
    }
    // Never an apply: that would take over what somebody made by hand in the meantime.
    return seenOf(await kubernetes.request<Item>('POST', pathOf(kinds.Secret, namespace), { body, signal }));
  };

  return {
    ensure: async (seat, context, occasion) => {
      const { namespace } = context;
      const name = seatName(seat.id);
      const key = `${namespace}/${name}`;
      const wanted = forOf(seat, context);
      const before = left.get(key);
      let seen = looks.get(key)?.seen;
      try {
        seen = await look(seat, key, pathOf(kinds.Secret, namespace, name), occasion);
        if (isAsWanted(seat, wanted, seen, before)) {
          if (seen?.writtenFor === wanted) left.set(key, seen);
          return { ready: true };
        }
        const now = await write(seat, context, wanted, seen);
        left.set(key, now);
        looks.set(key, { seen: now, occasion, at: clock.now() });
        const isDrift = before?.writtenFor === wanted && now.version !== seen?.version;
        if (isDrift) tell.drift({ kind: 'Secret', metadata: { namespace, name } }, seen ? 'changed' : 'deleted');
        return { ready: true };
      } catch (error) {
        looks.delete(key);
        const blocks =
          seen === undefined || (!isTheirs(seat) && environmentOf(seen.writtenFor) !== environmentOf(wanted));
        return { ready: false, blocks, error };
      }
    },
    forget: (namespace, name) => {
      looks.delete(`${namespace}/${name}`);
      left.delete(`${namespace}/${name}`);
    },
  };
};
