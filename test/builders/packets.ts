/** Reads NetworkPolicies as a packet would: which of the policies of a pod let it through (Kubernetes' rules, IPv4 and IPv6). */
import { BlockList, isIPv6 } from 'node:net';

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
}
export interface NetworkPolicySpec {
  readonly podSelector: Selector;
  readonly policyTypes: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** One end: a pod with the labels of itself and its namespace, or an address outside the cluster. */
export type End =
  | {
      readonly namespace: Readonly<Record<string, string>>;
      readonly pod: Readonly<Record<string, string>>;
      readonly ip: string;
    }
  | { readonly ip: string };

const selects = ({ matchLabels = {} }: Selector, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value);

/** An address matches only ranges of its own family: a mapped one is an IPv6 address here, as on the wire of a rule. */
const inRange = (ip: string, cidr: string): boolean => {
  const [network = '', bits] = cidr.split('/');
  if (isIPv6(ip) !== isIPv6(network)) return false;
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(ip, family);
};

const isPeer = ({ namespaceSelector, podSelector, ipBlock }: Peer, end: End, own: string): boolean => {
  if (ipBlock)
    return inRange(end.ip, ipBlock.cidr) && !(ipBlock.except ?? []).some((except) => inRange(end.ip, except));
  if (!('pod' in end)) return false;
  const there = namespaceSelector
    ? selects(namespaceSelector, end.namespace)
    : end.namespace['kubernetes.io/metadata.name'] === own;
  return there && selects(podSelector ?? {}, end.pod);
};

export interface Packet {
  readonly direction: 'Ingress' | 'Egress';
  /** Name of the namespace of the pod whose policies are asked, and the pod's labels. */
  readonly namespace: string;
  readonly pod: Readonly<Record<string, string>>;
  readonly peer: End;
  readonly protocol?: 'TCP' | 'UDP';
  readonly port: number;
}

/** Policies only add up; a pod that none selects is open. A peer that is a pod may be named by its labels or its address. */
export const passes = (policies: readonly NetworkPolicySpec[], packet: Packet): boolean => {
  const { direction, namespace, pod, peer, protocol = 'TCP', port } = packet;
  const asked = policies.filter(
    ({ podSelector, policyTypes }) => selects(podSelector, pod) && policyTypes.includes(direction),
  );
  if (asked.length === 0) return true;
  return asked
    .flatMap(({ ingress = [], egress = [] }) => (direction === 'Ingress' ? ingress : egress))
    .some(({ from, to, ports }) => {
      const peers = direction === 'Ingress' ? from : to;
      return (
        (peers === undefined || peers.some((one) => isPeer(one, peer, namespace))) &&
        (ports === undefined || ports.some((one) => one.protocol === protocol && one.port === port))
      );
    });
};
