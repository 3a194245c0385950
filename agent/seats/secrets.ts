/**
 * The Kubernetes Secret of a seat: values fetched over HTTPS when the names or versions in its spec change, and at no other time. Nothing is
 * read back: an empty patch tells whether the Secret is there and for which versions, with no right to read Secrets (kubernetes.md finding 21).
 */
import type { DesiredSeat } from '#core/contract/seat.ts';
import { seatName } from '#core/domain/seat/names.ts';
import { HOST_KEY_FILE, renderSeatSecret, type SeatContext } from '#core/domain/seat/render.ts';
import type { Api } from '../api.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { hashOf } from '../kubernetes/print.ts';
import { MANAGER } from './ensure.ts';
import { ANNOTATION } from './names.ts';

export type SecretOutcome =
  | { readonly ready: true }
  /** `blocks`: the pod must not be (re)started with what is there now. */
  | { readonly ready: false; readonly blocks: boolean; readonly error: unknown };

export interface SeatSecrets {
  ensure(seat: DesiredSeat, context: SeatContext): Promise<SecretOutcome>;
  /** The Secret may have been taken away: it is looked at again. */
  forget(namespace: string, name: string): void;
}

/** What a Secret was written for: of the environment apart, as a pod reads that only once. */
const forOf = ({ spec }: DesiredSeat, { workspaceUid }: SeatContext): string => {
  const versions = spec.secrets.map(({ name, version }) => `${name}=${version}`).sort();
  const environment = spec.secrets.filter(({ as }) => as === 'Env').map(({ name, version }) => `${name}=${version}`);
  return `${hashOf(environment.sort())}.${hashOf([versions, workspaceUid])}`;
};
const environmentOf = (written: string) => written.split('.')[0];

export const seatSecrets = (kubernetes: Kubernetes, api: Api, signal: AbortSignal): SeatSecrets => {
  /** By namespace and name: what the Secret that is there was written for; empty when there is none. */
  const known = new Map<string, string>();

  const look = async (path: string): Promise<string> => {
    try {
      const { metadata } = await kubernetes.request<Item>('PATCH', path, {
        contentType: 'application/merge-patch+json',
        body: {},
        signal,
      });
      return metadata.annotations?.[ANNOTATION.rendered] ?? '';
    } catch (error) {
      if (hasStatus(error, 404)) return '';
      throw error;
    }
  };

  return {
    ensure: async (seat, context) => {
      // What a cluster's admin applied has no secrets with us: a Secret of its name may be made by hand.
      if (seat.spec.id === undefined) return { ready: true };
      const name = seatName(seat.id);
      const key = `${context.namespace}/${name}`;
      const path = pathOf(kinds.Secret, context.namespace, name);
      const wanted = forOf(seat, context);
      try {
        const present = known.get(key) ?? (await look(path));
        known.set(key, present);
        if (present === wanted) return { ready: true };
        const { values, hostKey } = await api.secrets(seat.id);
        const named = Object.fromEntries(values.map(({ name: of, value }) => [of, value]));
        const secret = renderSeatSecret(seat, context, { ...named, [HOST_KEY_FILE]: hostKey });
        const annotations = { ...secret.metadata.annotations, [ANNOTATION.rendered]: wanted };
        await kubernetes.request('PATCH', path, {
          query: { fieldManager: MANAGER, force: true },
          contentType: 'application/apply-patch+yaml',
          body: { ...secret, metadata: { ...secret.metadata, annotations } },
          signal,
        });
        known.set(key, wanted);
        return { ready: true };
      } catch (error) {
        const present = known.get(key) ?? '';
        const blocks = environmentOf(present) !== environmentOf(wanted);
        return { ready: false, blocks, error };
      }
    },
    forget: (namespace, name) => void known.delete(`${namespace}/${name}`),
  };
};
