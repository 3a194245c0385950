/**
 * The ConfigMap `roadstead-policy`: what the control plane may ask of a cluster at all. Its admin writes it, the agent only reads it, and the
 * manifest installs it without `data`, so that applying the manifest again changes nothing of it (kubernetes.md finding 16).
 * Each key holds YAML; a missing key means its default, and one that cannot be read refuses every seat rather than being passed over.
 */
import { parse } from 'yaml';
import * as z from 'zod';
import { quantity } from '../../contract/quantity.ts';
import { Quantity, type SeatSpec } from '../../contract/seat.ts';
import { POLICY_NAME } from './names.ts';
import { Network } from './network.ts';
import { BUILT_IN_PROFILES, Profile } from './profile.ts';

const Capabilities = z.strictObject({
  workspaces: z.boolean().default(true),
  terminals: z.boolean().default(true),
  debug: z.enum(['off', 'readOnly', 'extended']).default('readOnly'),
  pivot: z.boolean().default(false),
});

/** `ghcr.io/roadstead` allows everything below it; an empty list allows every registry. */
const Registries = z.array(z.string().regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*\/?$/, 'a registry with a path'));

/** What all seats of a team may have together; far above what the control plane grants, so that a team meets the control plane's clearer words first. */
export const TeamCeilings = z.strictObject({
  seats: z.int().min(0).default(200),
  claims: z.int().min(0).default(800),
  storage: Quantity.default('20Ti'),
  cpu: Quantity.default('400'),
  memory: Quantity.default('1600Gi'),
  limitsCpu: Quantity.default('1600'),
  limitsMemory: Quantity.default('3200Gi'),
});
export type TeamCeilings = z.output<typeof TeamCeilings>;

const SeatCeilings = z.strictObject({
  cpu: Quantity.optional(),
  memory: Quantity.optional(),
  gpus: z.int().min(0).optional(),
  /** Of all volumes of a seat. */
  storage: Quantity.optional(),
});

const Ceilings = z.strictObject({ seat: SeatCeilings.prefault({}), team: TeamCeilings.prefault({}) });

const KEYS = {
  capabilities: Capabilities.prefault({}),
  registries: Registries.default([]),
  ceilings: Ceilings.prefault({}),
  network: Network.prefault({}),
} as const;
type Settings = { readonly [key in keyof typeof KEYS]: z.output<(typeof KEYS)[key]> };

export interface Policy extends Settings {
  /** By name; what is wrong with it in place of a profile that is none. */
  readonly profiles: Readonly<Record<string, Profile | { readonly invalid: string }>>;
  /** A sentence for each key that could not be read: while there is one, no seat is taken. */
  readonly problems: readonly string[];
}

export interface Refusal {
  readonly reason: 'PolicyRefused' | 'PolicyInvalid' | 'ProfileInvalid';
  readonly message: string;
}

/** A record says of a bad key only that it is one; the reason stands a level below. */
const faults = (error: z.ZodError): string =>
  error.issues
    .flatMap((issue) =>
      issue.code === 'invalid_key' ? issue.issues.map(({ message }) => ({ path: issue.path, message })) : [issue],
    )
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ');

/** The sentence about a text that is no YAML, or its value. */
const yaml = (text: string): { readonly value: unknown } | { readonly invalid: string } => {
  try {
    return { value: parse(text) ?? undefined };
  } catch (error) {
    return { invalid: `is not YAML: ${(error as Error).message.split('\n')[0]}` };
  }
};

/** Reads `data` of the ConfigMap; never throws. */
export const readPolicy = (data: Readonly<Record<string, string>> | undefined = {}): Policy => {
  const problems: string[] = [];
  const read = <T>(key: string, schema: z.ZodType<T>): T => {
    const text = yaml(data[key] ?? '');
    const parsed = schema.safeParse('value' in text ? text.value : undefined);
    if ('invalid' in text) problems.push(`${POLICY_NAME}: "${key}" ${text.invalid}`);
    if (parsed.success) return parsed.data;
    problems.push(`${POLICY_NAME}: "${key}": ${faults(parsed.error)}`);
    return schema.parse(undefined);
  };

  const known = [...Object.keys(KEYS), 'profiles'];
  for (const key of Object.keys(data))
    if (!known.includes(key)) problems.push(`${POLICY_NAME}: "${key}" is not a key: there are ${known.join(', ')}`);

  const written = read('profiles', z.record(z.string(), z.unknown()).default({}));
  const profiles = Object.entries(written).map(([name, value]) => {
    const parsed = Profile.safeParse(value ?? {});
    return [name, parsed.success ? parsed.data : { invalid: faults(parsed.error) }] as const;
  });
  return {
    capabilities: read('capabilities', KEYS.capabilities),
    registries: read('registries', KEYS.registries),
    ceilings: read('ceilings', KEYS.ceilings),
    network: read('network', KEYS.network),
    profiles: { ...BUILT_IN_PROFILES, ...Object.fromEntries(profiles) },
    problems,
  };
};

/** With the registry that an image has when it names none. */
const fullName = (image: string): string => {
  const [first = '', ...rest] = image.split('/');
  if (rest.length === 0) return `docker.io/library/${image}`;
  return /[.:]/.test(first) || first === 'localhost' ? image : `docker.io/${image}`;
};

const isAllowed = (image: string, registries: readonly string[]): boolean =>
  registries.length === 0 ||
  registries.some((registry) => {
    const base = registry.replace(/\/$/, '');
    const rest = fullName(image).slice(base.length);
    return fullName(image).startsWith(base) && /^[/:@]/.test(rest);
  });

const overCeilings = ({ resources, volumes }: SeatSpec, { ceilings: { seat } }: Policy): string[] => {
  const storage = volumes.reduce((sum, { size }) => sum + quantity(size), 0);
  const compared = [
    ['cpu', resources.limits.cpu, quantity(resources.limits.cpu), seat.cpu],
    ['memory', resources.limits.memory, quantity(resources.limits.memory), seat.memory],
    ['storage', `${storage / 2 ** 30}Gi`, storage, seat.storage],
    ['gpus', String(resources.gpus), resources.gpus, seat.gpus === undefined ? undefined : String(seat.gpus)],
  ] as const;
  return compared.flatMap(([what, given, amount, ceiling]) =>
    ceiling !== undefined && amount > quantity(ceiling)
      ? [`${what}: ${given} was asked for and ${ceiling} is allowed by ceilings.seat.${what}`]
      : [],
  );
};

/** The profile of a seat, if it is one. */
export const profileOf = (spec: SeatSpec, policy: Policy): Profile | undefined => {
  const found = Object.hasOwn(policy.profiles, spec.profile) ? policy.profiles[spec.profile] : undefined;
  return found === undefined || 'invalid' in found ? undefined : found;
};

/** Why this cluster's admin does not let this seat be; nothing: it may be. */
export const checkSeat = (spec: SeatSpec, policy: Policy): Refusal[] => {
  const refused = (message: string): Refusal => ({
    reason: 'PolicyRefused',
    message: `refused by the cluster's admin (${POLICY_NAME}): ${message}`,
  });
  const invalid = (message: string): Refusal => ({ reason: 'ProfileInvalid', message });
  const { profiles, problems, registries, capabilities } = policy;
  const found = Object.hasOwn(profiles, spec.profile) ? profiles[spec.profile] : undefined;
  const names = Object.keys(profiles).sort().join(', ');
  const about = `profile "${spec.profile}" of ${POLICY_NAME}`;
  return [
    ...problems.map((message): Refusal => ({ reason: 'PolicyInvalid', message })),
    ...(capabilities.workspaces ? [] : [refused('capabilities.workspaces is false')]),
    ...(isAllowed(spec.image, registries)
      ? []
      : [refused(`the image ${spec.image} is in none of the allowed registries: ${registries.join(', ')}`)]),
    ...overCeilings(spec, policy).map(refused),
    ...(found === undefined ? [invalid(`there is no ${about}: there are ${names}`)] : []),
    ...(found !== undefined && 'invalid' in found ? [invalid(`${about} is invalid: ${found.invalid}`)] : []),
    ...(found !== undefined && !('invalid' in found) && spec.resources.gpus > 0 && found.gpuResource === undefined
      ? [refused(`${about} has no gpuResource, so that its pods have no GPUs; ${spec.resources.gpus} was asked for`)]
      : []),
  ];
};
