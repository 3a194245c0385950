/** Which probes and lifecycle hooks of containers are refused. */
import { type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { notNegative, oneOf, portFaults, portNumberFaults } from './field-rules.ts';

/** In the order of Kubernetes' checks: each after the first is one too many. */
const ACTIONS: Record<string, (field: string, action: Json, grace: number) => FieldError[]> = {
  exec: (field, { command }) => (command?.length ? [] : [required(`${field}.command`)]),
  httpGet: (field, action) => [
    ...(action.path ? [] : [required(`${field}.path`)]),
    ...portFaults(`${field}.port`, action.port),
    ...oneOf(`${field}.scheme`, action.scheme, ['HTTP', 'HTTPS']),
    ...(action.httpHeaders ?? [])
      .filter(({ name = '' }: Json) => !/^[-A-Za-z0-9]+$/.test(name))
      .map(({ name = '' }: Json) =>
        invalidField(
          `${field}.httpHeaders`,
          name,
          "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
        ),
      ),
  ],
  tcpSocket: (field, { port }) => portFaults(`${field}.port`, port),
  grpc: (field, { port }) => portNumberFaults(`${field}.port`, port),
  sleep: (field, { seconds = 0 }, grace) =>
    seconds >= 0 && seconds <= grace
      ? []
      : [invalidField(field, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)],
};

function actionFaults(field: string, handler: Json, grace: number): FieldError[] {
  const [first, ...more] = Object.keys(ACTIONS).filter((name) => handler?.[name] !== undefined);
  if (first === undefined) return [required(field, 'must specify a handler type')];
  return [
    ...ACTIONS[first]!(`${field}.${first}`, handler[first], grace),
    ...more.map((name) => forbiddenField(`${field}.${name}`, 'may not specify more than 1 handler type')),
  ];
}

const COUNTS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];

function probeFaults(field: string, name: string, probe: Json, grace: number): FieldError[] {
  const faults = [
    ...actionFaults(field, probe, grace),
    ...COUNTS.flatMap((count) => notNegative(`${field}.${count}`, probe[count])),
  ];
  const own = probe.terminationGracePeriodSeconds;
  const ownField = `${field}.terminationGracePeriodSeconds`;
  if (own <= 0) faults.push(invalidField(ownField, own, 'must be greater than 0'));
  if (name === 'readinessProbe') {
    if (own !== undefined) faults.push(invalidField(ownField, own, 'must not be set for readinessProbes'));
  } else if (probe.successThreshold !== 1)
    faults.push(invalidField(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
  return faults;
}

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'];

/** Faults of a container's hooks and probes. `grace`: seconds that its pod has to end. */
export const handlerFaults = (field: string, container: Json, grace: number): FieldError[] => [
  ...['postStart', 'preStop']
    .filter((name) => container.lifecycle?.[name])
    .flatMap((name) => actionFaults(`${field}.lifecycle.${name}`, container.lifecycle[name], grace)),
  ...PROBES.filter((name) => container[name]).flatMap((name) =>
    probeFaults(`${field}.${name}`, name, container[name], grace),
  ),
];

/** A container that runs to its end before the others has neither hooks nor probes. */
export const noHandlers = (field: string, container: Json): FieldError[] =>
  ['lifecycle', ...PROBES]
    .filter((name) => container[name])
    .map((name) =>
      forbiddenField(`${field}.${name}`, 'may not be set for init containers without restartPolicy=Always'),
    );
