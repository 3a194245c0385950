/** `pods/log`: what a container printed, fetched from the kubelet. */
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, type FieldError, invalid, invalidField } from '../errors.ts';
import type { Json } from '../json.ts';
import { existing } from '../verbs/stored.ts';
import { containerOf } from './container.ts';
import { kubeletRequest, refusalOf, unreachable } from './kubelet.ts';

const PASSED = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'];

export async function log(call: KindCall): Promise<Answer> {
  const { info, response } = call;
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
  const passed = new URLSearchParams();
  for (const name of PASSED) for (const value of query.getAll(name)) passed.append(name, value);
  const path = `/containerLogs/${encodeURIComponent(pod.metadata.namespace)}/${encodeURIComponent(info.name!)}/${encodeURIComponent(container)}?${passed}`;
  const request = await kubeletRequest(call, pod.spec.nodeName, path, {});
  response.on('close', () => request.destroy());
  const answer = await new Promise<IncomingMessage | undefined>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', (error) => (response.destroyed ? resolve(undefined) : reject(unreachable(path, error))));
    request.end();
  });
  if (answer === undefined) return { handled: true };
  if (answer.statusCode !== 200) throw await refusalOf(answer);
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  // A client that goes away, or a kubelet that does, ends the log; the headers are out, so there is nobody to tell.
  await pipeline(answer, response).catch(() => response.destroy());
  return { handled: true };
}
