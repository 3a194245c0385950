/** `/status`: only the status is written; the rest of the object stays. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest } from '../errors.ts';
import { objectOf } from '../verbs/body.ts';
import { writeOptions } from '../verbs/options.ts';
import { patch } from '../verbs/patch.ts';
import { get } from '../verbs/read.ts';
import { changeStatus } from '../verbs/status.ts';
import { draft, existing } from '../verbs/stored.ts';
import { wantVersion } from '../verbs/update.ts';

export const getStatus = (call: KindCall): Answer => get(call);

export function putStatus(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'UpdateOptions', call.headers['user-agent']);
  const next = objectOf(call, options);
  if (next.metadata?.name && next.metadata.name !== call.info.name) {
    throw badRequest(
      `the name of the object (${next.metadata.name}) does not match the name on the URL (${call.info.name})`,
    );
  }
  const stored = existing(call);
  wantVersion(call.kind, call.info.name!, next.metadata?.resourceVersion);
  return { code: 200, object: changeStatus(call, draft(call.kind, stored), next, options, stored), kind: call.kind };
}

export const patchStatus = (call: KindCall): Answer => patch(call, 'status');
