/** `pods/ephemeralcontainers` and `pods/resize`: the two parts of a running pod's spec that may still change, each by a path of its own. */
import type { Answer, KindCall } from '../call.ts';
import {
  badRequest,
  type FieldError,
  forbiddenField,
  invalid,
  invalidField,
  required,
  unsupportedMedia,
} from '../errors.ts';
import { type Json, type Obj, same } from '../json.ts';
import { objectOf } from '../verbs/body.ts';
import { type WriteOptions, writeOptions } from '../verbs/options.ts';
import { APPLY, patchedObject, patchType } from '../verbs/patch.ts';
import { get } from '../verbs/read.ts';
import { draft, existing, managerOf } from '../verbs/stored.ts';
import { change } from '../verbs/update.ts';

interface Part {
  /** The spec with the part as the client wants it. */
  take(old: Json, wanted: Json): Json;
  faults(next: Json, old: Json): FieldError[];
}

/** What a container that nobody restarts or serves from has no use for. */
const NOT_EPHEMERAL = [
  ...['ports', 'resources', 'resizePolicy', 'restartPolicy'],
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'],
];

const absent = (field: string, value: string): FieldError => ({
  type: 'NotFound',
  field,
  message: `Not found: ${JSON.stringify(value)}`,
});

const ephemeral: Part = {
  take: (old, { ephemeralContainers }) => ({ ...old, ephemeralContainers }),
  faults({ ephemeralContainers: next = [], ...spec }, { ephemeralContainers: old = [] }) {
    const field = 'spec.ephemeralContainers';
    const faults: FieldError[] = [];
    for (const one of old) {
      const kept = next.find(({ name }: Json) => name === one.name);
      if (kept === undefined)
        faults.push(
          forbiddenField(field, `existing ephemeral containers ${JSON.stringify(one.name)} may not be removed\n`),
        );
      else if (!same(kept, one))
        faults.push(
          forbiddenField(field, `existing ephemeral containers ${JSON.stringify(one.name)} may not be changed\n`),
        );
    }
    const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }: Json) => name));
    for (const [i, one] of next.entries()) {
      if (!one.name) faults.push(required(`${field}[${i}].name`));
      else if (others.has(one.name))
        faults.push({
          type: 'Duplicate',
          field: `${field}[${i}].name`,
          message: `Duplicate value: ${JSON.stringify(one.name)}`,
        });
      others.add(one.name);
      if (!one.image) faults.push(required(`${field}[${i}].image`));
      if (
        one.targetContainerName &&
        !(spec.containers ?? []).some(({ name }: Json) => name === one.targetContainerName)
      )
        faults.push(absent(`${field}[${i}].targetContainerName`, one.targetContainerName));
      const unset = (path: string) =>
        faults.push(forbiddenField(`${field}[${i}].${path}`, 'cannot be set for an Ephemeral Container'));
      for (const key of NOT_EPHEMERAL) if (Object.keys(one[key] ?? {}).length) unset(key);
      for (const [n, { name, subPath, subPathExpr }] of (one.volumeMounts ?? []).entries()) {
        if (!(spec.volumes ?? []).some((volume: Json) => volume.name === name))
          faults.push(absent(`${field}[${i}].volumeMounts[${n}].name`, name));
        if (subPath) unset(`volumeMounts[${n}].subPath`);
        if (subPathExpr) unset(`volumeMounts[${n}].subPathExpr`);
      }
    }
    return faults;
  },
};

const RESIZABLE = ['cpu', 'memory'];

const resize: Part = {
  take: (old, wanted) => ({
    ...old,
    containers: (old.containers ?? []).map((container: Json) => {
      const to = (wanted.containers ?? []).find(({ name }: Json) => name === container.name);
      return to ? { ...container, resources: to.resources ?? {}, resizePolicy: to.resizePolicy } : container;
    }),
  }),
  faults: (next, old) =>
    (next.containers ?? []).flatMap(({ resources = {} }: Json, i: number) => {
      const before = old.containers[i].resources ?? {};
      const names = new Set(
        ['requests', 'limits'].flatMap((part) => Object.keys({ ...resources[part], ...before[part] })),
      );
      return [...names]
        .filter((name) => !RESIZABLE.includes(name))
        .filter((name) => ['requests', 'limits'].some((part) => resources[part]?.[name] !== before[part]?.[name]))
        .map((name) =>
          invalidField(`spec.containers[${i}].resources`, name, 'only cpu and memory resources are mutable'),
        );
    }),
};

function write(call: KindCall, name: string, part: Part, options: WriteOptions, wanted: Obj): Answer {
  if (wanted.metadata?.name && wanted.metadata.name !== call.info.name)
    throw badRequest(
      `the name of the object (${wanted.metadata.name}) does not match the name on the URL (${call.info.name})`,
    );
  const stored = existing(call);
  const next = draft(call.kind, stored);
  next.metadata.resourceVersion = wanted.metadata?.resourceVersion ?? '';
  next.spec = part.take(next.spec, wanted.spec ?? {});
  call.kind.defaults?.(next);
  const wrong = part.faults(next.spec, stored.object.spec);
  if (wrong.length) throw invalid({ group: '', kind: 'Pod' }, call.info.name!, wrong);
  const object = change(call, stored, { next, options, manager: managerOf(call, options, name), subresource: name });
  return { code: 200, object, kind: call.kind };
}

const handlers = (name: string, part: Part) => ({
  GET: get,
  PUT(call: KindCall): Answer {
    const options = writeOptions(call.info.query, 'UpdateOptions', call.headers['user-agent']);
    return write(call, name, part, options, objectOf(call, options));
  },
  PATCH(call: KindCall): Answer {
    const applying = patchType(call) === APPLY;
    const options = writeOptions(call.info.query, 'PatchOptions', call.headers['user-agent'], applying);
    if (applying)
      throw unsupportedMedia(`server-side apply of pods/${name} is not built: send a strategic merge patch or a PUT`);
    const target = draft(call.kind, existing(call));
    const wanted = patchedObject(call, target, options);
    return write(call, name, part, options, wanted);
  },
});

export const ephemeralContainers = handlers('ephemeralcontainers', ephemeral);
export const resizing = handlers('resize', resize);
