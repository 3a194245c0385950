/** `proxy` of pods, services and nodes: refused in plain words, since nothing here carries other protocols through the API server but port-forward. */
import type { Answer, KindCall } from '../call.ts';
import { StatusError } from '../errors.ts';

/** Throws 501. */
export function proxy({ info }: KindCall): Answer {
  throw new StatusError(
    501,
    'NotImplemented',
    `${info.resource}/proxy is not built in this embedded API server: use kubectl port-forward`,
    { name: info.name!, kind: info.resource },
  );
}

export const PROXY = Object.fromEntries(
  ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'].map((method) => [method, proxy]),
);
