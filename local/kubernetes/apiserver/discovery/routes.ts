/** Everything that is no resource: health, version, discovery and OpenAPI. */
import type { Answer, Call } from '../call.ts';
import { methodNotAllowed, unknownResource } from '../errors.ts';
import { aggregated, apiGroup, apiGroupList, apiResourceList } from './discovery.ts';
import { openApiIndex, openApiOfGroup } from './openapi.ts';
import { openApiV2 } from './openapi-v2.ts';
import { OPENID_PATHS, openId } from './openid.ts';

const AGGREGATED =
  /application\/json;(?=[^,]*as=APIGroupDiscoveryList)(?=[^,]*g=apidiscovery\.k8s\.io)[^,]*v=(v2(?:beta1)?)/;

/** The answer for a path that is no resource; undefined where there is nothing. */
export function discovery(call: Call): Answer | undefined {
  const { info, context, headers } = call;
  const { registry } = context;
  const path = info.path.length > 1 ? info.path.replace(/\/$/, '') : info.path;
  const check = /^\/(healthz|livez|readyz)(\/.*)?$/.exec(path)?.[1];
  if (check) return { code: 200, text: info.query.has('verbose') ? `[+]ping ok\n${check} check passed\n` : 'ok' };
  const parts = path.split('/').filter(Boolean);
  const known = ['/version', '/api', '/apis', '/', '/openapi/v2', '/openapi/v3', ...OPENID_PATHS].includes(path);
  if (known && info.method !== 'GET' && info.method !== 'HEAD') throw methodNotAllowed();
  const version = AGGREGATED.exec(headers.accept ?? '')?.[1];
  const list = (core: boolean): Answer => {
    if (!version)
      return {
        code: 200,
        json: core
          ? {
              kind: 'APIVersions',
              versions: ['v1'],
              serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: headers.host ?? '' }],
            }
          : apiGroupList(registry),
      };
    return {
      code: 200,
      text: `${JSON.stringify(aggregated(registry, core, version))}\n`,
      type: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    };
  };
  switch (path) {
    case '/':
      return {
        code: 200,
        json: {
          paths: [
            '/.well-known/openid-configuration',
            '/api',
            '/api/v1',
            '/apis',
            ...registry
              .groups()
              .filter(Boolean)
              .map((group) => `/apis/${group}`),
            '/healthz',
            '/livez',
            '/openapi/v2',
            '/openapi/v3',
            '/openid/v1/jwks',
            '/readyz',
            '/version',
          ],
        },
      };
    case '/version': {
      const [, major, minor] = /^v(\d+)\.(\d+)/.exec(context.gitVersion)!;
      const json = {
        major,
        minor,
        emulationMajor: major,
        emulationMinor: minor,
        gitVersion: context.gitVersion,
        gitCommit: '',
        gitTreeState: 'clean',
        buildDate: '1970-01-01T00:00:00Z',
        goVersion: 'go1.26',
        compiler: 'gc',
        platform: 'linux/amd64',
      };
      // Printed for people, as a real server does.
      return { code: 200, text: JSON.stringify(json, null, 2), type: 'application/json' };
    }
    case '/api':
      return list(true);
    case '/apis':
      return list(false);
    case '/openapi/v2':
      // Clients that read only protobuf (kubectl, for kinds that OpenAPI v3 does not know) get a document that knows nothing more: an empty message.
      return /proto-openapi/.test(headers.accept ?? '') && !/json/.test(headers.accept ?? '')
        ? { code: 200, text: '', type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' }
        : { code: 200, json: openApiV2(context) };
    case '/openapi/v3':
      return { code: 200, text: JSON.stringify(openApiIndex(context)), type: 'text/plain; charset=utf-8' };
    default:
      break;
  }
  const openid = openId(call, path);
  if (openid) return openid;
  if (parts[0] === 'openapi' && parts[1] === 'v3')
    return openApiOfGroup(context, parts.slice(2).join('/')) ?? { code: 404, text: '', type: '' };
  if (parts[0] === 'api' && parts.length === 2) {
    if (parts[1] !== 'v1') throw unknownResource();
    return { code: 200, json: apiResourceList(registry, '', 'v1') };
  }
  if (parts[0] !== 'apis' || parts.length > 3) return undefined;
  const group = parts[1]!;
  const versions = registry.versionsOf(group);
  if (versions === undefined) return undefined;
  if (parts.length === 2)
    return { code: 200, json: { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(registry, group) } };
  if (!versions.includes(parts[2]!)) {
    if (registry.isCustom(group)) return undefined;
    throw unknownResource();
  }
  return { code: 200, json: apiResourceList(registry, group, parts[2]!) };
}
