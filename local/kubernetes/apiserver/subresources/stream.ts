/** exec, attach and port-forward: checked here, then the client's connection is joined with one to the kubelet. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { admitSubresource } from '../admission/admit.ts';
import { denied } from '../auth/refusal.ts';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, type StatusError } from '../errors.ts';
import type { Json } from '../json.ts';
import { existing } from '../verbs/stored.ts';
import { containerOf } from './container.ts';
import { kubeletRequest, refusalOf, unreachable } from './kubelet.ts';

const UPGRADE_REQUIRED = 'Upgrade request required';
/** Headers of the handshake; who asks is no business of the kubelet. */
const PASSED = /^(connection|upgrade|sec-websocket-.*|x-stream-protocol-version|origin)$/;

/**
 * A WebSocket begins with a GET, which a right to read would allow: since 1.35 it takes the right to `create`, too
 * (kubernetes#78741, #134577).
 */
function authorize({ context, user, info }: KindCall): void {
  if (info.verb !== 'get') return;
  const asked = {
    verb: 'create',
    group: info.group,
    resource: info.resource,
    subresource: info.subresource!,
    namespace: info.namespace!,
    name: info.name!,
  };
  if (!context.authorizer.allows(user, asked)) throw denied(user, asked);
}

const FORMS: Record<string, string> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
};

/** Policies may forbid it, by what is asked for. */
function admit(call: KindCall): void {
  const { query, subresource } = call.info;
  const on = (name: string) => ['1', 'true'].includes(query.get(name) ?? '');
  const kind = FORMS[subresource!]!;
  const ports = query.getAll('ports').map(Number);
  const container = query.get('container');
  const command = query.getAll('command');
  admitSubresource(
    call,
    'CONNECT',
    { group: '', version: 'v1', kind },
    kind === 'PodPortForwardOptions'
      ? { ports }
      : {
          ...Object.fromEntries(['stdin', 'stdout', 'stderr', 'tty'].filter(on).map((name) => [name, true])),
          ...(container && { container }),
          ...(command.length && { command }),
        },
  );
}

/** The same question as a kubelet is asked. */
function pathOf({ info }: KindCall, pod: Json): string {
  const { query, subresource } = info;
  const place = `${encodeURIComponent(pod.metadata.namespace)}/${encodeURIComponent(pod.metadata.name)}`;
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap((list) => list.split(','));
    return `/portForward/${place}?${new URLSearchParams(ports.map((port): [string, string] => ['port', port]))}`;
  }
  const container = containerOf(query.get('container'), info.name!, pod.spec);
  const passed = new URLSearchParams();
  for (const [ours, theirs] of [
    ['stdin', 'input'],
    ['stdout', 'output'],
    ['stderr', 'error'],
    ['tty', 'tty'],
  ] as const)
    if (['1', 'true'].includes(query.get(ours) ?? '')) passed.set(theirs, '1');
  for (const word of query.getAll('command')) passed.append('command', word);
  return `/${subresource}/${place}/${encodeURIComponent(container)}?${passed}`;
}

/** The kubelet’s answer to the handshake goes to the client as it came; then both sockets are one. */
export function join(client: Duplex, early: Buffer, answer: IncomingMessage, kubelet: Duplex, late: Buffer): void {
  const lines = [`HTTP/1.1 101 Switching Protocols`];
  for (let i = 0; i < answer.rawHeaders.length; i += 2)
    lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
  client.write(`${lines.join('\r\n')}\r\n\r\n`);
  client.write(late);
  kubelet.write(early);
  client.pipe(kubelet).on('error', () => client.destroy());
  kubelet.pipe(client).on('error', () => kubelet.destroy());
  client.on('close', () => kubelet.destroy());
  // The last words may still be on their way out.
  kubelet.on('close', () => client.end(() => client.destroy()));
}

/** Older clients, and newer ones that were told to, speak SPDY; what to do about it. */
function spdyRefusal(subresource: string): StatusError {
  const variable =
    subresource === 'portforward' ? 'KUBECTL_PORT_FORWARD_WEBSOCKETS' : 'KUBECTL_REMOTE_COMMAND_WEBSOCKETS';
  return badRequest(
    `streams over SPDY are not supported by this embedded cluster, only over WebSockets: use kubectl 1.31 or newer with ${variable} unset, or set ${variable}=true with kubectl 1.30`,
  );
}

/** What stands in the way of a stream besides the protocol: asked without an upgrade, a kubelet that would serve it says that it wants one. */
async function obstacle(call: KindCall, pod: Json, path: string): Promise<StatusError | undefined> {
  const request = await kubeletRequest(call, pod.spec.nodeName, path, {});
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', (error) => reject(unreachable(path, error)));
    request.end();
  });
  const found = await refusalOf(answer);
  return found.message === UPGRADE_REQUIRED ? undefined : found;
}

export async function stream(call: KindCall): Promise<Answer> {
  authorize(call);
  admit(call);
  const pod = existing(call).object as Json;
  const path = pathOf(call, pod);
  if (!pod.spec?.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const { upgrade } = call;
  if (upgrade === undefined) throw (await obstacle(call, pod, path)) ?? badRequest(UPGRADE_REQUIRED);
  if (/^spdy\//i.test(call.headers.upgrade ?? ''))
    throw (await obstacle(call, pod, path)) ?? spdyRefusal(call.info.subresource!);
  const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => PASSED.test(name))) as Record<
    string,
    string
  >;
  const request = await kubeletRequest(call, pod.spec.nodeName, path, headers);
  const end = () => request.destroy();
  upgrade.socket.on('close', end);
  const answer = await new Promise<IncomingMessage | undefined>((resolve, reject) => {
    request.on('upgrade', (response, socket, late) => {
      const stop = () => socket.destroy();
      call.context.stopping.addEventListener('abort', stop);
      socket.on('close', () => call.context.stopping.removeEventListener('abort', stop));
      join(upgrade.socket, upgrade.head, response, socket, late);
      resolve(undefined);
    });
    request.on('response', resolve);
    request.on('error', (error) => reject(unreachable(path, error)));
    request.end();
  }).finally(() => upgrade.socket.off('close', end));
  if (answer) throw await refusalOf(answer);
  return { handled: true };
}
