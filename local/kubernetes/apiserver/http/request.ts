/** Reads what a request is about from its method and path. */

export interface RequestInfo {
  method: string;
  path: string;
  query: URLSearchParams;
  /** A path of the API's resources; otherwise only `path` counts. */
  resourceRequest: boolean;
  verb: string;
  group: string;
  version: string;
  namespace: string | undefined;
  resource: string;
  name: string | undefined;
  subresource: string | undefined;
  /** What stands behind the subresource (proxy paths). */
  rest: string[];
}

const VERBS: Record<string, string> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const isTrue = (value: string | null): boolean => value === 'true' || value === '1' || value === '';

export function requestInfo(method: string, url: string): RequestInfo {
  const cut = url.indexOf('?');
  const path = cut < 0 ? url : url.slice(0, cut);
  const query = new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1));
  const info: RequestInfo = {
    method,
    path,
    query,
    resourceRequest: false,
    verb: VERBS[method] === undefined ? method.toLowerCase() : method.toLowerCase(),
    group: '',
    version: '',
    namespace: undefined,
    resource: '',
    name: undefined,
    subresource: undefined,
    rest: [],
  };
  let parts: string[];
  try {
    parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return info;
  }
  if (parts[0] === 'api' && parts.length >= 3) {
    info.version = parts[1]!;
    parts = parts.slice(2);
  } else if (parts[0] === 'apis' && parts.length >= 4) {
    info.group = parts[1]!;
    info.version = parts[2]!;
    parts = parts.slice(3);
  } else return info;
  info.resourceRequest = true;
  info.verb = VERBS[method] ?? '';
  let oldWatch = false;
  if (parts[0] === 'watch' && parts.length > 1) {
    oldWatch = true;
    parts = parts.slice(1);
  }
  if (parts[0] === 'namespaces' && parts.length > 1) {
    info.namespace = parts[1];
    // /namespaces/x, /namespaces/x/status and /namespaces/x/finalize are about the namespace itself.
    if (parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize') parts = parts.slice(2);
  }
  info.resource = parts[0] ?? '';
  info.name = parts[1];
  info.subresource = parts[2];
  info.rest = parts.slice(3);
  if (info.name === undefined) {
    if (info.verb === 'get') info.verb = isWatch(query) || oldWatch ? 'watch' : 'list';
    else if (info.verb === 'delete') info.verb = 'deletecollection';
  } else if (info.verb === 'get' && oldWatch) info.verb = 'watch';
  // A list or watch of one name may be allowed by resourceNames.
  if ((info.verb === 'list' || info.verb === 'watch') && info.name === undefined) {
    const selected = /^metadata\.name==?([^,!=]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
    if (selected) info.name = selected;
  }
  return info;
}

export const isWatch = (query: URLSearchParams): boolean => query.has('watch') && isTrue(query.get('watch'));
