/** Looks for the reason why a seat does not run, only when something is wrong: events of its own objects, and a container's last lines. */
import { stripVTControlCharacters } from 'node:util';
import type { SeenEvent } from '#core/domain/seat/why.ts';
import type { Item, Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import type { ClaimFacts } from './facts.ts';
import type { PodFacts } from './pod-facts.ts';

const LINES = 10;
const BYTES = 4096;

interface EventObject extends Item {
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject?: { readonly kind?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

export interface Subject {
  readonly namespace: string;
  readonly name: string;
  readonly pod: PodFacts | undefined;
  readonly claims: readonly ClaimFacts[];
}

export interface Diagnosis {
  /** Newest last. */
  readonly events: readonly SeenEvent[];
  readonly lastLog?: string;
}

export const NO_DIAGNOSIS: Diagnosis = { events: [] };

const timeOf = ({ lastTimestamp, eventTime }: EventObject): string => lastTimestamp ?? eventTime ?? '';

/** What is asked is what may know: the StatefulSet without a pod, the pod, and claims that wait. */
export const diagnose = async (
  kubernetes: Kubernetes,
  { namespace, name, pod, claims }: Subject,
  signal: AbortSignal,
): Promise<Diagnosis> => {
  const about = async (kind: string, of: string): Promise<EventObject[]> => {
    const found: EventObject[] = [];
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${of}`;
    for await (const page of kubernetes.pages<EventObject>(pathOf(kinds.Event, namespace), signal, { fieldSelector })) {
      found.push(...page.items);
    }
    return found;
  };
  const [container] = pod?.status.containerStatuses ?? [];
  const crashes = container !== undefined && container.restartCount > 0 && !container.state?.running;

  const lastLog = async () => {
    if (!pod || !crashes) return undefined;
    const path = `${pathOf(kinds.Pod, namespace, pod.name)}/log`;
    const query = { container: container.name, previous: true, tailLines: LINES, limitBytes: BYTES };
    // The log of a container that is gone is gone, too.
    return kubernetes.text(path, { query, signal }).catch(() => undefined);
  };

  const waiting = claims.filter(({ phase }) => phase === 'Pending');
  const [log, ...events] = await Promise.all([
    lastLog(),
    pod ? about('Pod', pod.name) : about('StatefulSet', name),
    ...waiting.map((claim) => about('PersistentVolumeClaim', claim.name)),
  ]);
  return {
    events: events
      .flat()
      .sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
      .map(({ reason = '', message = '', involvedObject }) => ({ kind: involvedObject?.kind ?? '', reason, message })),
    ...(log === undefined ? {} : { lastLog: stripVTControlCharacters(log) }),
  };
};
