/** What is on which node, kept up to date pod by pod: requests, ports, claims, and the pods themselves. */

import { controllerOf } from '../machinery/owners.ts';
import { type Amounts, addAmounts } from '../machinery/quantity.ts';
import type { Pod } from '../machinery/types.ts';
import { claimNames, isFinished } from '../pods.ts';
import { hostPorts, requestsOf } from './fit.ts';
import { keepsOthersAway } from './topology.ts';

interface Entry {
  pod: Pod;
  node: string;
  requests: Amounts;
  ports: string[];
  claims: string[];
  /** Uid of the controller that the pod came with. */
  owner: string | undefined;
  /** Given the node by us; the API server has not said so yet. */
  assumed: boolean;
}

interface Room {
  used: Amounts;
  entries: Set<Entry>;
  /** How many pods by the uid of their controller. */
  siblings: Map<string, number>;
}

const countSibling = ({ siblings }: Room, { owner }: Entry, by: number): void => {
  if (owner === undefined) return;
  const count = (siblings.get(owner) ?? 0) + by;
  if (count > 0) siblings.set(owner, count);
  else siblings.delete(owner);
};

export const claimKeys = (pod: Pod): string[] => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`);

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #byNode = new Map<string, Room>();
  readonly #claimUsers = new Map<string, Set<string>>();
  /** The few that keep others away by their anti-affinity. */
  readonly #barring = new Set<Entry>();

  /** Takes over what the API server says of a pod. */
  observe(pod: Pod, deleted = false): void {
    const { uid } = pod.metadata;
    const known = this.#entries.get(uid);
    const node = pod.spec.nodeName;
    if (deleted || isFinished(pod)) this.release(uid);
    else if (node === undefined) {
      if (known) known.pod = pod;
    } else if (known?.node === node) {
      known.pod = pod;
      known.assumed = false;
    } else {
      this.release(uid);
      this.#add(pod, node, false);
    }
  }

  /** Reserves room for a pod on a node. */
  assume(pod: Pod, node: string): void {
    this.release(pod.metadata.uid);
    this.#add(pod, node, true);
  }

  release(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    this.#barring.delete(entry);
    const room = this.#byNode.get(entry.node);
    room?.entries.delete(entry);
    if (room?.entries.size === 0) this.#byNode.delete(entry.node);
    else if (room) {
      for (const [name, value] of Object.entries(entry.requests)) room.used[name] = (room.used[name] ?? 0) - value;
      countSibling(room, entry, -1);
    }
    for (const key of entry.claims) {
      const users = this.#claimUsers.get(key);
      users?.delete(uid);
      if (users?.size === 0) this.#claimUsers.delete(key);
    }
  }

  #add(pod: Pod, node: string, assumed: boolean): void {
    const entry = {
      pod,
      node,
      requests: requestsOf(pod.spec),
      ports: hostPorts(pod.spec),
      claims: claimKeys(pod),
      owner: controllerOf(pod)?.uid,
      assumed,
    };
    this.#entries.set(pod.metadata.uid, entry);
    if (keepsOthersAway(pod)) this.#barring.add(entry);
    const room = this.#byNode.get(node) ?? { used: {}, entries: new Set<Entry>(), siblings: new Map() };
    this.#byNode.set(node, room);
    room.entries.add(entry);
    addAmounts(room.used, entry.requests);
    countSibling(room, entry, 1);
    for (const key of entry.claims) {
      const users = this.#claimUsers.get(key) ?? new Set();
      this.#claimUsers.set(key, users.add(pod.metadata.uid));
    }
  }

  /** The node of a pod, given or reserved. */
  nodeOf = (uid: string): string | undefined => this.#entries.get(uid)?.node;

  /** How many pods of the controller are on the node. */
  siblings = (node: string, controller: string | undefined): number =>
    (controller !== undefined && this.#byNode.get(node)?.siblings.get(controller)) || 0;

  /** Whether a pod of a lower priority is on the node. */
  hasBelow = (node: string, priority: number): boolean =>
    [...(this.#byNode.get(node)?.entries ?? [])].some(({ pod }) => (pod.spec.priority ?? 0) < priority);

  used = (node: string): Amounts => this.#byNode.get(node)?.used ?? {};

  ports = (node: string): string[] => [...(this.#byNode.get(node)?.entries ?? [])].flatMap(({ ports }) => ports);

  /** All pods with a node, reserved ones included; or only those that keep others away. */
  placed = (barring = false): Iterable<{ pod: Pod; node: string }> =>
    barring ? this.#barring : this.#entries.values();

  /** Whether another pod with a node uses the claim (`namespace/name`). */
  isUsed = (claim: string, except: string): boolean =>
    [...(this.#claimUsers.get(claim) ?? [])].some((uid) => uid !== except);
}
