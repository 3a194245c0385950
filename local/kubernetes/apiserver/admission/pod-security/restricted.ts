/** The checks of the Pod Security level `restricted` beyond `baseline`, in Kubernetes' order and words. */
import type { Json } from '../../json.ts';
import { type Check, ownUsers, seccomp } from './baseline.ts';
import { containersOf, which } from './containers.ts';
import { containersNamed, plural, quoted, sorted } from './words.ts';

const onWindows = (spec: Json, minor: number): boolean => minor >= 25 && spec.os?.name === 'windows';

const allowPrivilegeEscalation: Check = {
  since: 8,
  find({ spec }, minor) {
    if (onWindows(spec, minor)) return undefined;
    const who = which(spec, (context) => context.allowPrivilegeEscalation !== false);
    return who.length
      ? {
          reason: 'allowPrivilegeEscalation != false',
          detail: `${containersNamed(who)} must set securityContext.allowPrivilegeEscalation=false`,
        }
      : undefined;
  },
};

const capabilities: Check = {
  since: 22,
  find({ spec }, minor) {
    if (onWindows(spec, minor)) return undefined;
    const extra = (context: Json): string[] =>
      (context.capabilities?.add ?? []).filter((name: string) => name !== 'NET_BIND_SERVICE');
    const keeping = which(spec, (context) => !context.capabilities?.drop?.includes('ALL'));
    const adding = which(spec, (context) => extra(context).length);
    const names = sorted(containersOf(spec).flatMap(({ securityContext }) => extra(securityContext ?? {})));
    const found = [
      ...(keeping.length ? [`${containersNamed(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(adding.length
        ? [`${containersNamed(adding)} must not include ${quoted(names)} in securityContext.capabilities.add`]
        : []),
    ];
    return found.length ? { reason: 'unrestricted capabilities', detail: found.join('; ') } : undefined;
  },
};

const VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

const volumes: Check = {
  since: 0,
  find({ spec }) {
    const kindOf = (volume: Json): string => Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
    const bad: Json[] = (spec.volumes ?? []).filter((volume: Json) => !VOLUMES.has(kindOf(volume)));
    const types = sorted(bad.map(kindOf));
    const names = bad.map(({ name }) => name);
    return bad.length
      ? {
          reason: 'restricted volume types',
          detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)} ${plural('uses', 'use', names.length)} restricted volume ${plural('type', 'types', types.length)} ${quoted(types)}`,
        }
      : undefined;
  },
};

const runAsNonRoot: Check = {
  since: 0,
  find({ spec }, minor) {
    if (ownUsers(spec, minor)) return undefined;
    const own = spec.securityContext?.runAsNonRoot;
    const reason = 'runAsNonRoot != true';
    const bad = which(spec, (context) => context.runAsNonRoot === false);
    const said = [
      ...(own === false ? ['pod must not set securityContext.runAsNonRoot=false'] : []),
      ...(bad.length ? [`${containersNamed(bad)} must not set securityContext.runAsNonRoot=false`] : []),
    ];
    if (said.length) return { reason, detail: said.join(', ') };
    const silent = which(spec, (context) => context.runAsNonRoot === undefined && own !== true);
    return silent.length
      ? { reason, detail: `pod or ${containersNamed(silent)} must set securityContext.runAsNonRoot=true` }
      : undefined;
  },
};

const runAsUser: Check = {
  since: 23,
  find({ spec }, minor) {
    if (ownUsers(spec, minor)) return undefined;
    const bad = which(spec, (context) => context.runAsUser === 0);
    const said = [
      ...(spec.securityContext?.runAsUser === 0 ? ['pod must not set runAsUser=0'] : []),
      ...(bad.length ? [`${containersNamed(bad)} must not set runAsUser=0`] : []),
    ];
    return said.length ? { reason: 'runAsUser=0', detail: said.join(', ') } : undefined;
  },
};

const seccompSet: Check = {
  since: 19,
  find(pod, minor) {
    const { spec } = pod;
    if (onWindows(spec, minor)) return undefined;
    const wrong = seccomp.find(pod, minor);
    if (wrong) return wrong;
    if (spec.securityContext?.seccompProfile) return undefined;
    const silent = which(spec, (context) => context.seccompProfile === undefined);
    return silent.length
      ? {
          reason: 'seccompProfile',
          detail: `pod or ${containersNamed(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
        }
      : undefined;
  },
};

export const RESTRICTED: Check[] = [
  allowPrivilegeEscalation,
  capabilities,
  volumes,
  runAsNonRoot,
  runAsUser,
  seccompSet,
];
