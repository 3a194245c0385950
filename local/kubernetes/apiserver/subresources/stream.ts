/** exec, attach and port-forward: refused for now with what is missing (they need WebSockets to the kubelet). */
import type { Answer, KindCall } from '../call.ts';
import { badRequest, StatusError } from '../errors.ts';
import { existing } from '../verbs/stored.ts';

export function stream(call: KindCall): Answer {
  const pod = existing(call).object;
  if (!pod.spec?.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  throw new StatusError(
    501,
    'NotImplemented',
    `${call.info.subresource} is not supported by this embedded cluster: it has no streaming connection to its kubelet`,
    {},
  );
}
