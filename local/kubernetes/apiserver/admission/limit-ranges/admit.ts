/** The LimitRanger admission: fills in what containers leave open, and refuses pods and claims outside the limits of their namespace. */
import type { KindCall } from '../../call.ts';
import { forbidden } from '../../errors.ts';
import type { Json, Obj } from '../../json.ts';
import { subjectOf } from '../../kinds/kind.ts';
import type { Quantity } from '../../schema/quantity.ts';
import type { Attributes } from '../attributes.ts';
import { podNeeds, type Quantities, quantitiesOf, shown } from '../quantities.ts';

const rangesOf = ({ context }: KindCall, namespace: string | undefined): Json[] =>
  context.store
    .list('limitranges')
    .filter(({ object }) => object.metadata.namespace === namespace)
    .flatMap(({ object }) => object.spec?.limits ?? []);

const NOTE = 'kubernetes.io/limit-ranger';

/** Fills requests and limits into the containers of a new pod, and notes in an annotation what it filled in. */
export function fillLimits(call: KindCall, pod: Obj): void {
  const items = rangesOf(call, pod.metadata.namespace).filter(({ type }) => type === 'Container');
  const [requests, limits] = ['defaultRequest', 'default'].map((key) =>
    Object.assign({}, ...items.map((item) => item[key])),
  );
  const notes: string[] = [];
  for (const [list, word] of [
    ['containers', 'container'],
    ['initContainers', 'init container'],
  ] as const)
    for (const container of pod.spec?.[list] ?? []) {
      for (const [kind, defaults] of [
        ['requests', requests],
        ['limits', limits],
      ] as const) {
        const open = Object.keys(defaults)
          .filter((name) => container.resources?.[kind]?.[name] === undefined)
          .sort();
        if (open.length === 0) continue;
        container.resources ??= {};
        container.resources[kind] = {
          ...container.resources[kind],
          ...Object.fromEntries(open.map((name) => [name, defaults[name]])),
        };
        notes.push(`${open.join(', ')} ${kind.slice(0, -1)} for ${word} ${container.name}`);
      }
    }
  if (notes.length)
    pod.metadata.annotations = { ...pod.metadata.annotations, [NOTE]: `LimitRanger plugin set: ${notes.join('; ')}` };
}

export function enforceLimits({ call, kind, operation, object, subresource }: Attributes): void {
  if (operation === 'DELETE' || subresource !== '') return;
  const claim = kind.storage === 'persistentvolumeclaims';
  if (!claim && (kind.storage !== 'pods' || operation === 'UPDATE')) return;
  const faults: string[] = [];
  for (const item of rangesOf(call, object!.metadata.namespace))
    faults.push(...(claim ? claimFaults(item, object!) : podFaults(item, object!)));
  const all = [...new Set(faults)];
  if (all.length)
    throw forbidden(subjectOf(kind), object!.metadata.name, all.length === 1 ? all[0]! : `[${all.join(', ')}]`);
}

function podFaults(item: Json, { spec }: Obj): string[] {
  if (item.type === 'Pod') return boundFaults(item, podNeeds(spec, 'requests'), podNeeds(spec, 'limits'));
  if (item.type !== 'Container') return [];
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ resources }: Json) =>
    boundFaults(item, quantitiesOf(resources?.requests), quantitiesOf(resources?.limits)),
  );
}

function claimFaults(item: Json, { spec }: Obj): string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const requests = quantitiesOf(spec?.resources?.requests);
  return [
    ...below(item, requests, new Map()),
    ...[...quantitiesOf(item.max)].flatMap(([name, max]) => {
      const said = `maximum ${name} usage per ${item.type} is ${shown(max)}`;
      const request = requests.get(name);
      if (!request) return [`${said}.  No request is specified`];
      return request.nano > max.nano ? [`${said}, but request is ${shown(request)}`] : [];
    }),
  ];
}

const boundFaults = (item: Json, requests: Quantities, limits: Quantities): string[] => [
  ...below(item, requests, limits),
  ...above(item, requests, limits),
  ...tooWide(item, requests, limits),
];

function below(item: Json, requests: Quantities, limits: Quantities): string[] {
  return [...quantitiesOf(item.min)].flatMap(([name, min]) => {
    const said = `minimum ${name} usage per ${item.type} is ${shown(min)}`;
    const [request, limit] = [requests.get(name), limits.get(name)];
    if (!request) return [`${said}.  No request is specified`];
    if (request.nano < min.nano) return [`${said}, but request is ${shown(request)}`];
    return limit && limit.nano < min.nano ? [`${said}, but limit is ${shown(limit)}`] : [];
  });
}

function above(item: Json, requests: Quantities, limits: Quantities): string[] {
  return [...quantitiesOf(item.max)].flatMap(([name, max]) => {
    const said = `maximum ${name} usage per ${item.type} is ${shown(max)}`;
    const [request, limit] = [requests.get(name), limits.get(name)];
    if (!limit) return [`${said}.  No limit is specified`];
    if (limit.nano > max.nano) return [`${said}, but limit is ${shown(limit)}`];
    return request && request.nano > max.nano ? [`${said}, but request is ${shown(request)}`] : [];
  });
}

function tooWide(item: Json, requests: Quantities, limits: Quantities): string[] {
  const nothing = (quantity: Quantity | undefined) => quantity === undefined || quantity.nano === 0n;
  return [...quantitiesOf(item.maxLimitRequestRatio)].flatMap(([name, most]) => {
    const said = `${name} max limit to request ratio per ${item.type} is ${shown(most)}`;
    const [request, limit] = [requests.get(name), limits.get(name)];
    if (nothing(request)) return [`${said}, but no request is specified or request is 0`];
    if (nothing(limit)) return [`${said}, but no limit is specified or limit is 0`];
    const ratio = Number(limit!.nano) / Number(request!.nano);
    return ratio > Number(most.nano) / 1e9 ? [`${said}, but provided ratio is ${ratio.toFixed(6)}`] : [];
  });
}
