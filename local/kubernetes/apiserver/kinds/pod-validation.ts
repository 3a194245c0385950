/** Which pods and pod templates are refused; containers, volumes and what else is much has a file of its own. */
import { type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { ipFaults, keyFaultsAt, labelsFaults, MAX_INT32, namedFaults, oneOf, rangeFaults } from './field-rules.ts';
import { containersFaults } from './pod-containers.ts';
import { affinityFaults, spreadFaults, tolerationFaults } from './pod-scheduling.ts';
import { podSecurityFaults } from './pod-security-context.ts';
import { volumeFaults } from './pod-volumes.ts';

/** On the node's own network, a container's ports are the node's. */
function hostNetworkFaults(field: string, spec: Json): FieldError[] {
  if (spec.hostNetwork !== true) return [];
  return (spec.containers ?? []).flatMap(({ ports = [] }: Json, i: number) =>
    ports.flatMap(({ hostPort, containerPort }: Json, n: number) =>
      hostPort && hostPort !== containerPort
        ? [
            invalidField(
              `${field}.containers[${i}].ports[${n}].hostPort`,
              hostPort,
              'must match `containerPort` when `hostNetwork` is true',
            ),
          ]
        : [],
    ),
  );
}

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_TEXT = 2048;

const SEARCH = /^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*\.?$/;
const SEARCH_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";

function dnsFaults(field: string, { dnsPolicy, dnsConfig }: Json): FieldError[] {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [required(field, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (nameservers.length === 0)
      return [required(`${field}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  const faults: FieldError[] = [];
  const tooMuch = (name: string, value: Json, what: string) =>
    faults.push(invalidField(`${field}.${name}`, value, `must not have more than ${what}`));
  if (nameservers.length > MAX_NAMESERVERS) tooMuch('nameservers', nameservers, `${MAX_NAMESERVERS} nameservers`);
  for (const [i, address] of nameservers.entries()) faults.push(...ipFaults(`${field}.nameservers[${i}]`, address));
  if (searches.length > MAX_SEARCHES) tooMuch('searches', searches, `${MAX_SEARCHES} search paths`);
  if (searches.join(' ').length > MAX_SEARCH_TEXT)
    tooMuch('searches', searches, `${MAX_SEARCH_TEXT} characters (including spaces) in the search list`);
  for (const [i, search] of searches.entries())
    if (search !== '.' && !SEARCH.test(search))
      faults.push(invalidField(`${field}.searches[${i}]`, search, SEARCH_TEXT));
  for (const [i, { name }] of options.entries())
    if (!name) faults.push(required(`${field}.options[${i}]`, 'must not be empty'));
  return faults;
}

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** Names of other objects, and by which the pod is found. */
const NAMES = [
  ['serviceAccountName', 'subdomain'],
  ['nodeName', 'subdomain'],
  ['hostname', 'label'],
  ['subdomain', 'label'],
  ['priorityClassName', 'subdomain'],
  ['runtimeClassName', 'subdomain'],
] as const;

function osFaults(field: string, os: Json): FieldError[] {
  if (!os) return [];
  return os.name ? oneOf(field, os.name, ['linux', 'windows']) : [required(`${field}.name`, 'cannot be empty')];
}

/** Faults of a pod spec that stands at `field`. */
export function podSpecFaults(field: string, spec: Json): FieldError[] {
  const volumes = volumeFaults(`${field}.volumes`, spec.volumes ?? []);
  const gates: Json[] = spec.schedulingGates ?? [];
  return [
    ...volumes.faults,
    ...containersFaults(field, spec, volumes.names),
    ...hostNetworkFaults(field, spec),
    ...oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES),
    ...labelsFaults(`${field}.nodeSelector`, spec.nodeSelector),
    ...podSecurityFaults(`${field}.securityContext`, spec),
    ...affinityFaults(`${field}.affinity`, spec.affinity),
    ...dnsFaults(`${field}.dnsConfig`, spec),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }: Json, i: number) =>
      keyFaultsAt(`${field}.readinessGates[${i}].conditionType`, conditionType),
    ),
    ...gates.flatMap(({ name }, i) => keyFaultsAt(`${field}.schedulingGates[${i}]`, name)),
    ...spreadFaults(`${field}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? []),
    ...rangeFaults(`${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, MAX_INT32),
    ...NAMES.flatMap(([name, rule]) => (spec[name] ? namedFaults(rule, `${field}.${name}`, spec[name]) : [])),
    ...tolerationFaults(`${field}.tolerations`, spec.tolerations ?? []),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }: Json, i: number) => [
      ...ipFaults(`${field}.hostAliases[${i}].ip`, ip),
      ...hostnames.flatMap((name: string, n: number) =>
        namedFaults('subdomain', `${field}.hostAliases[${i}].hostnames[${n}]`, name),
      ),
    ]),
    ...oneOf(`${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']),
    ...osFaults(`${field}.os`, spec.os),
  ];
}

export function podFaults(pod: Obj): FieldError[] {
  const { spec } = pod;
  const faults = podSpecFaults('spec', spec);
  if (pod.metadata.resourceVersion) return faults;
  if (spec.ephemeralContainers?.length)
    faults.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length)
    faults.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return faults;
}
