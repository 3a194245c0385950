/** Which subresource is answered by what, by method. */
import type { Answer, KindCall } from '../call.ts';
import { binding } from './binding.ts';
import { eviction } from './eviction.ts';
import { finalize } from './finalize.ts';
import { log } from './log.ts';
import { ephemeralContainers, resizing } from './pod-parts.ts';
import { PROXY } from './proxy.ts';
import { getScale, patchScale, putScale } from './scale.ts';
import { getStatus, patchStatus, putStatus } from './status.ts';
import { stream } from './stream.ts';
import { token } from './token.ts';

type Handlers = Record<string, (call: KindCall) => Answer | Promise<Answer>>;

export const SUBRESOURCES: Record<string, Handlers> = {
  '*/status': { GET: getStatus, PUT: putStatus, PATCH: patchStatus },
  '*/scale': { GET: getScale, PUT: putScale, PATCH: patchScale },
  'namespaces/finalize': { PUT: finalize },
  'pods/binding': { POST: binding },
  'pods/eviction': { POST: eviction },
  'pods/log': { GET: log },
  'pods/exec': { GET: stream, POST: stream },
  'pods/attach': { GET: stream, POST: stream },
  'pods/portforward': { GET: stream, POST: stream },
  'pods/ephemeralcontainers': ephemeralContainers,
  'pods/resize': resizing,
  'pods/proxy': PROXY,
  'services/proxy': PROXY,
  'nodes/proxy': PROXY,
  'serviceaccounts/token': { POST: token },
};
