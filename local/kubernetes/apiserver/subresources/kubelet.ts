/** Requests of the API server to a kubelet: over TLS it shows its own client certificate, which is how a kubelet knows it. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { httpRequest } from '#local/kubernetes/http.ts';
import type { KindCall } from '../call.ts';
import { StatusError } from '../errors.ts';

const failed = (message: string) => new StatusError(500, 'InternalError', message, {});

/** Opens a request to the kubelet of a node; the caller ends it. Throws 500 where no kubelet is known. */
export async function kubeletRequest(
  call: KindCall,
  node: string,
  path: string,
  headers: Record<string, string | string[]>,
): Promise<ClientRequest> {
  const { kubeletUrl, kubeletIdentity } = call.context;
  if (kubeletUrl === undefined)
    throw failed(`no kubelet is known for the node ${node}: the server was started without kubeletUrl`);
  const url = new URL(path, kubeletUrl());
  const identity = await kubeletIdentity?.();
  const request =
    url.protocol === 'https:'
      ? httpsRequest(url, {
          headers,
          agent: false,
          ...(identity && { ca: identity.caPem, cert: identity.certPem, key: identity.keyPem }),
        })
      : httpRequest(url, { headers, agent: false });
  const end = () => request.destroy();
  call.context.stopping.addEventListener('abort', end);
  request.on('close', () => call.context.stopping.removeEventListener('abort', end));
  return request;
}

/** The failure to reach a kubelet, in the words of Go's client. */
export const unreachable = (url: string, error: Error): StatusError =>
  failed(`Get ${JSON.stringify(url.replace(/\?.*/, ''))}: ${error.message}`);

/** What a kubelet refuses with, as the client of the API gets it. */
export async function refusalOf(answer: IncomingMessage): Promise<StatusError> {
  const text = Buffer.concat(await answer.toArray())
    .toString()
    .trim();
  const code = answer.statusCode ?? 500;
  if (code === 400 || code === 404) return new StatusError(400, 'BadRequest', text);
  return code === 500 ? failed(text) : new StatusError(code, undefined, text);
}
