/** `pods/log`: what a container printed, fetched from the kubelet. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, type FieldError, invalid, invalidField, StatusError } from '../errors.ts';
import type { Json } from '../json.ts';
import { existing } from '../verbs/stored.ts';

const PASSED = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'];

/** The container that is meant; without a name, the only one. */
function containerOf(name: string | null, pod: string, spec: Json): string {
  const all: string[] = [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ].map((one: Json) => one.name);
  if (name) {
    if (!all.includes(name)) throw badRequest(`container ${name} is not valid for pod ${pod}`);
    return name;
  }
  const own: string[] = (spec.containers ?? []).map((one: Json) => one.name);
  if (own.length === 1) return own[0]!;
  const init = spec.initContainers?.length
    ? ` or one of the init containers: [${spec.initContainers.map((one: Json) => one.name).join(' ')}]`
    : '';
  throw badRequest(`a container name must be specified for pod ${pod}, choose one of: [${own.join(' ')}]${init}`);
}

export async function log(call: KindCall): Promise<Answer> {
  const { info, context, response } = call;
  const { query } = info;
  const faults: FieldError[] = [];
  const check = (name: string, least: number, text: string) => {
    const value = query.get(name);
    if (value === null) return;
    if (!/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    if (Number(value) < least) faults.push(invalidField(name, Number(value), text));
  };
  check('tailLines', 0, 'must be greater than or equal to 0');
  check('limitBytes', 1, 'must be greater than 0');
  check('sinceSeconds', 1, 'must be greater than 0');
  if (faults.length) throw invalid({ group: '', kind: 'PodLogOptions' }, info.name!, faults);
  const pod = existing(call).object as Json;
  const container = containerOf(query.get('container'), info.name!, pod.spec);
  if (!pod.spec.nodeName) return { code: 204, text: '', type: '' };
  if (context.kubeletUrl === undefined) {
    throw new StatusError(
      500,
      'InternalError',
      `no kubelet is known for the node ${pod.spec.nodeName}: the server was started without kubeletUrl`,
      {},
    );
  }
  const passed = new URLSearchParams();
  for (const name of PASSED) for (const value of query.getAll(name)) passed.append(name, value);
  const url = `${context.kubeletUrl()}/containerLogs/${encodeURIComponent(pod.metadata.namespace)}/${encodeURIComponent(info.name!)}/${encodeURIComponent(container)}?${passed}`;
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  context.stopping.addEventListener('abort', () => gone.abort(), { once: true });
  let answer: Response;
  try {
    answer = await fetch(url, { signal: gone.signal });
  } catch (error) {
    if (gone.signal.aborted) return { handled: true };
    const cause = (error as Error).cause as Error | undefined;
    throw new StatusError(
      500,
      'InternalError',
      `Get ${JSON.stringify(url.replace(/\?.*/, ''))}: ${cause?.message ?? (error as Error).message}`,
      {},
    );
  }
  if (!answer.ok) {
    const text = (await answer.text()).trim();
    throw answer.status === 404 || answer.status === 400
      ? badRequest(text)
      : new StatusError(answer.status, undefined, text);
  }
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  // A client that goes away, or a kubelet that does, ends the log; the headers are out, so there is nobody to tell.
  await pipeline(Readable.fromWeb(answer.body as ReadableStream), response).catch(() => response.destroy());
  return { handled: true };
}
