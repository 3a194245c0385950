/** Writes an answer to the client. */
import type { ServerResponse } from 'node:http';
import type { Answer, Call } from '../call.ts';
import type { StatusError } from '../errors.ts';
import type { Json } from '../json.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { yamlLibrary } from '../yaml.ts';
import { shape } from './shape.ts';

const PLAIN = 'text/plain; charset=utf-8';
const CONTROL = { 'cache-control': 'no-cache, private' };

function write(response: ServerResponse, code: number, type: string, text: string, warnings: string[] = []): void {
  if (response.headersSent || response.destroyed) return;
  if (warnings.length)
    response.setHeader(
      'Warning',
      [...new Set(warnings)].map((one) => `299 - ${JSON.stringify(one)}`),
    );
  response.writeHead(code, {
    ...(type && { 'content-type': type }),
    ...(code !== 204 && { 'content-length': Buffer.byteLength(text) }),
    ...(!response.hasHeader('cache-control') && CONTROL),
  });
  response.end(text);
}

/** As Go's encoder writes it: keys in order, lists at the depth of their key, everything quoted that YAML 1.1 would read as something else. */
const yaml = (body: Json): string =>
  yamlLibrary()
    .stringify(body, { sortMapEntries: true, indentSeq: false, schema: 'yaml-1.1', lineWidth: 0 })
    .replace(/^( *)"\.": \{\}$/gm, '$1.: {}');

export function sendJson(
  response: ServerResponse,
  code: number,
  body: Json,
  options: { yaml?: boolean; pretty?: boolean; warnings?: string[] } = {},
): void {
  const text = options.yaml ? yaml(body) : `${JSON.stringify(body, null, options.pretty ? 2 : undefined)}\n`;
  write(response, code, options.yaml ? 'application/yaml' : 'application/json', text, options.warnings);
}

export function sendError(response: ServerResponse, error: StatusError, warnings: string[] = []): void {
  if (error.code === 429 || error.details?.retryAfterSeconds !== undefined) {
    if (!response.headersSent) response.setHeader('Retry-After', String(error.details?.retryAfterSeconds ?? 1));
  }
  sendJson(response, error.code, error.body, { warnings });
}

/** Built-in lists in their own form are put together from the stored texts, without parsing and writing each object. */
function fastList(call: Call, answer: Extract<Answer, { list: unknown }>): string | undefined {
  const { kind, list } = answer;
  if (call.form.as !== undefined || call.form.media !== 'json' || call.form.pretty || list.texts === undefined)
    return undefined;
  const head = JSON.stringify({ kind: kind.kind, apiVersion: apiVersionOf(kind) }).slice(1, -1);
  const items: string[] = [];
  for (const text of list.texts) {
    if (!text.startsWith(`{${head},`)) return undefined;
    items.push(`{${text.slice(head.length + 2)}`);
  }
  return `{"kind":"${kind.kind}List","apiVersion":"${apiVersionOf(kind)}","metadata":${JSON.stringify(list.metadata)},"items":[${items.join(',')}]}\n`;
}

export function send(call: Call, answer: Answer): void {
  if ('handled' in answer) return;
  const { response, form, warnings } = call;
  const how = { yaml: form.media === 'yaml', pretty: form.pretty, warnings };
  if ('text' in answer) write(response, answer.code, answer.type ?? PLAIN, answer.text, warnings);
  else if ('json' in answer) sendJson(response, answer.code, answer.json, how);
  else {
    const text = 'list' in answer ? fastList(call, answer) : undefined;
    const shaper = shape(form, answer.kind, call.info.query);
    if (text !== undefined) write(response, answer.code, 'application/json', text, warnings);
    else sendJson(response, answer.code, 'list' in answer ? shaper.list(answer.list) : shaper.one(answer.object), how);
  }
}
