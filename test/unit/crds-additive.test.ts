/**
 * The custom resources are only ever added to (kubernetes.md finding 18): what a cluster has stored under the first released schemas stays valid
 * under today's, and so does what an older agent writes. `crds.json` holds those schemas: until the first release UPDATE_CRDS=1 writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CRD_REVISION, renderCrds } from '#core/domain/seat/crds.ts';
import type { Schema } from '#core/domain/seat/schema.ts';

interface Released {
  readonly revision: number;
  /** By the name of the definition: what of it objects depend on. */
  readonly definitions: Readonly<
    Record<string, { readonly scope: string; readonly versions: Readonly<Record<string, Schema>> }>
  >;
}

interface Spec {
  readonly scope: string;
  readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
}

/** Without what only people read. */
const mute = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (key, each) =>
    (key === 'description' || key === 'message') && typeof each === 'string' ? undefined : each,
  );

const today: Released = mute({
  revision: CRD_REVISION,
  definitions: Object.fromEntries(
    renderCrds({}).map(({ metadata, spec }) => {
      const { scope, versions } = JSON.parse(JSON.stringify(spec)) as Spec;
      const schemas = versions.map(({ name, schema }) => [name, schema.openAPIV3Schema] as const);
      return [metadata.name, { scope, versions: Object.fromEntries(schemas) }];
    }),
  ),
});

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const words = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map((each) => JSON.stringify(each)) : [];

/** Bounds from above, and from below. */
const UPPER = ['maxLength', 'maxItems', 'maxProperties', 'maximum'];
const LOWER = ['minLength', 'minItems', 'minProperties', 'minimum'];
/** Of these no change is known to be harmless; a pattern may be left out. */
const FIXED = ['type', 'format', 'default', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'];

/** What an object that was valid under `before`, or a writer that goes by it, would lose under `now`. */
const losses = (before: Schema, now: Schema, path: string): string[] => {
  const found = (isLost: boolean, what: string) => (isLost ? [`${path}: ${what}`] : []);
  const bound = (keyword: string, sign: 1 | -1) => {
    const [was, is] = [before[keyword], now[keyword]] as [number | undefined, number | undefined];
    return found(is !== undefined && (was === undefined || sign * is < sign * was), `${keyword} is narrower`);
  };
  const rulesOf = (schema: Schema) =>
    ((schema['x-kubernetes-validations'] ?? []) as { rule: string }[]).map(({ rule }) => rule);
  const children = (['items', 'additionalProperties'] as const).flatMap((keyword) => {
    const [was, is] = [before[keyword], now[keyword]] as [Schema | undefined, Schema | undefined];
    if (was === undefined) return [];
    return is === undefined ? [`${path}: ${keyword} is gone`] : losses(was, is, `${path}[]`);
  });
  const properties = Object.entries(before.properties ?? {}).flatMap(([name, was]) => {
    const is = now.properties?.[name];
    return is === undefined ? [`${path}.${name}: the field is gone`] : losses(was, is, `${path}.${name}`);
  });
  return [
    ...FIXED.flatMap((keyword) => found(!same(before[keyword], now[keyword]), `${keyword} is another one`)),
    ...found(now.pattern !== undefined && now.pattern !== before.pattern, 'the pattern is another one'),
    ...UPPER.flatMap((keyword) => bound(keyword, 1)),
    ...LOWER.flatMap((keyword) => bound(keyword, -1)),
    ...words(now.required).flatMap((name) => found(!words(before.required).includes(name), `${name} is required`)),
    ...found(now.enum !== undefined && before.enum === undefined, 'only some values are taken'),
    ...(now.enum === undefined
      ? []
      : words(before.enum).flatMap((value) => found(!words(now.enum).includes(value), `the value ${value} is gone`))),
    ...rulesOf(now).flatMap((rule) => found(!rulesOf(before).includes(rule), `there is a new rule: ${rule}`)),
    ...children,
    ...properties,
  ];
};

const lossesOf = (before: Released, now: Released): string[] =>
  Object.entries(before.definitions).flatMap(([name, { scope, versions }]) => {
    const is = now.definitions[name];
    if (is === undefined) return [`${name} is gone`];
    return [
      ...(is.scope === scope ? [] : [`${name}: its scope is another one`]),
      ...Object.entries(versions).flatMap(([version, schema]) => {
        const later = is.versions[version];
        return later === undefined ? [`${name}: ${version} is gone`] : losses(schema, later, `${name} ${version}`);
      }),
    ];
  });

const file = new URL('./crds.json', import.meta.url);
if (process.env.UPDATE_CRDS === '1') writeFileSync(file, `${JSON.stringify(today, null, 2)}\n`);
const released: Released = JSON.parse(readFileSync(file, 'utf8'));

describe('the custom resources', () => {
  it('take everything that the first released ones took', () => {
    expect(lossesOf(released, today)).toEqual([]);
  });

  it('have another revision when they say anything else', () => {
    const changed = !same(released.definitions, today.definitions);
    expect(CRD_REVISION).toBeGreaterThanOrEqual(released.revision + (changed ? 1 : 0));
  });
});

describe('a later release is told that it takes something away', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a schema that is changed at any place.
  type Any = any;
  const workspace = 'workspaces.roadstead.dev';
  const lostAfter = (change: (schema: Any) => unknown): string[] => {
    const later = structuredClone(released) as Any;
    change(later.definitions[workspace].versions.v1alpha1);
    return lossesOf(released, later);
  };
  const spec = (change: (properties: Any, schema: Any) => unknown) => (schema: Any) =>
    change(schema.properties.spec.properties, schema.properties.spec);

  it.each<[string, (schema: Any) => unknown, string]>([
    ['a field', spec((of) => delete of.group), 'spec.group: the field is gone'],
    ['a type', spec((of) => Object.assign(of.restarts, { type: 'string' })), 'spec.restarts: type is another one'],
    ['a default', spec((of) => Object.assign(of.profile, { default: 'gpu' })), 'spec.profile: default is another one'],
    ['what need not be said', spec((_, all) => all.required.push('group')), 'spec: "group" is required'],
    ['a value', spec((of) => of.runState.enum.pop()), 'spec.runState: the value "Stopped" is gone'],
    ['any value', spec((of) => Object.assign(of.group, { enum: ['a'] })), 'spec.group: only some values are taken'],
    ['long texts', spec((of) => of.image.maxLength--), 'spec.image: maxLength is narrower'],
    [
      'endless texts',
      spec((of) => Object.assign(of.runState, { maxLength: 9 })),
      'spec.runState: maxLength is narrower',
    ],
    ['small numbers', spec((of) => of.restarts.minimum++), 'spec.restarts: minimum is narrower'],
    ['a form', spec((of) => Object.assign(of.owner, { pattern: '^a$' })), 'spec.owner: the pattern is another one'],
    [
      'what a rule refuses',
      spec((of) => of.volumes['x-kubernetes-validations'].push({ rule: 'false' })),
      'spec.volumes: there is a new rule: false',
    ],
    [
      'something in a list',
      spec((of) => delete of.volumes.items.properties.mounts.items.properties.subPath),
      'spec.volumes[].mounts[].subPath: the field is gone',
    ],
    [
      'something in a map',
      spec((of) => of.parameters.additionalProperties.maxLength--),
      'spec.parameters[]: maxLength',
    ],
  ])('%s', (_, change, sentence) => {
    const found = lostAfter(change);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });

  it('a version, and a whole definition', () => {
    const later = structuredClone(released) as Any;
    delete later.definitions[workspace].versions.v1alpha1;
    delete later.definitions['clusters.roadstead.dev'];
    expect(lossesOf(released, later)).toEqual([`clusters.roadstead.dev is gone`, `${workspace}: v1alpha1 is gone`]);
  });

  it('but not when a field comes, a bound widens, a value is added or a rule goes', () => {
    expect(
      lostAfter(
        spec((of) => {
          of.priority = { type: 'string', default: 'low' };
          of.image.maxLength++;
          of.runState.enum.push('Paused');
          of.volumes['x-kubernetes-validations'].pop();
        }),
      ),
    ).toEqual([]);
  });
});
