/** PATCH: JSON patch, merge patch, strategic merge patch and server-side apply. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest, invalid, StatusError, unsupportedMedia } from '../errors.ts';
import { applyPatch } from '../fields/apply.ts';
import { isMap, type Json, type Obj } from '../json.ts';
import { jsonPatch, PatchError } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { strategicMerge } from '../patch/strategic-merge.ts';
import { DecodeError } from '../schema/decode.ts';
import { decodeAs, parseJson } from './body.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { changeStatus } from './status.ts';
import { draft, existing, managerOf } from './stored.ts';
import { type Change, change } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
export const APPLY = 'application/apply-patch+yaml';

export const patchType = (call: KindCall): string => (call.headers['content-type'] ?? '').split(';')[0]!.trim();

const rejected = () =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** Applies the patch in the body to a copy of `target`. Throws 400, 415, 422. */
export function patched(call: KindCall, target: Json): Json {
  const type = patchType(call);
  const { kind } = call;
  const accepted = [JSON_PATCH, MERGE, ...(kind.custom ? [] : [STRATEGIC]), APPLY];
  if (![JSON_PATCH, MERGE, STRATEGIC, APPLY].includes(type))
    throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  if (!accepted.includes(type)) {
    throw unsupportedMedia(
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    );
  }
  let body: Json;
  try {
    body = parseJson(call.body.toString('utf8'));
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
  if (type === JSON_PATCH) {
    if (!Array.isArray(body))
      throw badRequest(
        `error decoding patch: json: cannot unmarshal ${isMap(body) ? 'object' : typeof body} into Go value of type []handlers.jsonPatchOp`,
      );
    if (body.length > 10_000)
      throw new StatusError(
        413,
        'RequestEntityTooLarge',
        `The allowed maximum operations in a JSON patch is 10000, got ${body.length}`,
      );
    try {
      return jsonPatch(target, body);
    } catch (error) {
      if (error instanceof PatchError) throw rejected();
      throw error;
    }
  }
  if (!isMap(body))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${Array.isArray(body) ? 'array' : typeof body} into Go value of type map[string]interface {}`,
    );
  return type === MERGE ? mergePatch(target, body) : strategicMerge(target, body, kind.type);
}

/** The patched object, decoded. A patch that leads to wrong types is a 422 without kind and name. */
export function patchedObject(call: KindCall, target: Obj, options: WriteOptions): Obj {
  const value = patched(call, target);
  try {
    return decodeAs(call, call.kind, value, options);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw invalid({ group: '', kind: '' }, '', [
      {
        type: 'Invalid',
        field: 'patch',
        message: `Invalid value: ${JSON.stringify(JSON.stringify(value))}: ${error.message}`,
      },
    ]);
  }
}

export function patch(call: KindCall, subresource = ''): Answer {
  const applying = patchType(call) === APPLY;
  const options = writeOptions(call.info.query, 'PatchOptions', call.headers['user-agent'], applying);
  if (applying) return applyPatch(call, options, subresource);
  const stored = existing(call);
  const target = draft(call.kind, stored);
  const next = patchedObject(call, target, options);
  // A patch of the main resource carries the version it read, unless it names another itself.
  const more: Partial<Change> = subresource ? { subresource } : {};
  if (subresource === 'status')
    return { code: 200, object: changeStatus(call, target, next, options, stored), kind: call.kind };
  return {
    code: 200,
    object: change(call, stored, { next, options, manager: managerOf(call, options), ...more }),
    kind: call.kind,
  };
}
