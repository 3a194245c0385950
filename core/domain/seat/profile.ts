/** A profile: what a cluster's admin lets pods of one kind be, written in the ConfigMap `roadstead-policy` (DESIGN §1). */
import * as z from 'zod';
import { NODE_SELECTOR_KEYS, OWN_PREFIX, RUNTIME_CLASS_PREFIX, RUNTIME_CLASSES, TOLERATION_KEYS } from './allowed.ts';

const labelValue = z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, 'a label value');
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'the name of an object');
const listed = (keys: readonly string[]) => `${OWN_PREFIX}…, ${keys.join(', ')}`;

/** A key beyond these would not pass the fence, and could put a dev pod on a node of the control plane. */
const keyAmong = (keys: readonly string[]) =>
  z.string().refine((key) => key.startsWith(OWN_PREFIX) || keys.includes(key), {
    error: ({ input }) => `"${input}" is not a key for dev pods: allowed are ${listed(keys)}`,
  });

export const Toleration = z.strictObject({
  key: keyAmong(TOLERATION_KEYS),
  operator: z.enum(['Equal', 'Exists']).default('Exists'),
  value: labelValue.optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
});

export const Profile = z.strictObject({
  nodeSelector: z.record(keyAmong(NODE_SELECTOR_KEYS), labelValue).default({}),
  tolerations: z.array(Toleration).max(16).default([]),
  /** The extended resource that GPUs are counted by; absent: pods of this profile have none. */
  gpuResource: z
    .string()
    .regex(/^[a-z0-9.-]+\.[a-z]+\/[a-z0-9.-]+$/, 'an extended resource such as nvidia.com/gpu')
    .optional(),
  runtimeClassName: z
    .string()
    .refine((name) => RUNTIME_CLASSES.includes(name) || name.startsWith(RUNTIME_CLASS_PREFIX), {
      error: ({ input }) =>
        `"${input}" is not a runtime class for dev pods: allowed are ${RUNTIME_CLASS_PREFIX}…, ${RUNTIME_CLASSES.join(', ')}`,
    })
    .optional(),
  /** Of the claims; default: the cluster's default class. */
  storageClassName: objectName.optional(),
  /** What is not a CSI driver may know ReadWriteOnce alone. */
  accessMode: z.enum(['ReadWriteOncePod', 'ReadWriteOnce']).default('ReadWriteOncePod'),
  /** Pull images with the Secret `roadstead-pull` of the team's namespace. */
  pullSecret: z.boolean().default(false),
});
export type Profile = z.output<typeof Profile>;

/** Those that are there unless the admin writes others of the same name. */
export const BUILT_IN_PROFILES: Readonly<Record<string, Profile>> = {
  default: Profile.parse({}),
  gpu: Profile.parse({
    gpuResource: 'nvidia.com/gpu',
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
  }),
};
