/** Names, ids and other small values of the public language, with their limits. */
import * as z from 'zod';

/** `<prefix>_<26 lower-case base32 characters>`, sortable by time of creation. */
export const idOf = (prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`), `an id looks like ${prefix}_ and 26 lower-case letters and digits`);

export const AccountId = idOf('acc');
export const TeamId = idOf('team');
export const ClusterId = idOf('clu');
export const OperationId = idOf('opn');
export const TokenId = idOf('tok');
export const WorkspaceId = idOf('wsp');
export const GroupId = idOf('grp');

/** The name of a cluster, dev pod, group or template in its team: intersection of the seeds' rules, 1–50 characters (DESIGN §7). */
export const ShortName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$/,
    'a name has 1 to 50 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
  );

export const Email = z
  .string()
  .max(254)
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.email('an email address like ada@example.com'));

export const Password = z.string().min(12, 'at least 12 characters').max(256);

const labelPart = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelKey = z.string().refine((key) => {
  const [first, second, ...rest] = key.split('/');
  if (rest.length > 0 || first === undefined) return false;
  return second === undefined
    ? labelPart.test(first)
    : first.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(first) && labelPart.test(second);
}, 'a label key is [prefix/]name as in Kubernetes');

/** Labels as Kubernetes has them, at most 20. */
export const Labels = z
  .record(
    labelKey,
    z
      .string()
      .refine((value) => value === '' || labelPart.test(value), 'a label value has at most 63 letters, digits, - _ .'),
  )
  .refine((labels) => Object.keys(labels).length <= 20, 'at most 20 labels');

export const Instant = z.iso.datetime().describe('RFC 3339, UTC');

/** A condition as Kubernetes has them. */
export const Condition = z
  .strictObject({
    type: z.string(),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string(),
    message: z.string().max(1024),
    lastTransitionTime: Instant,
  })
  .meta({ id: 'Condition' });
export type Condition = z.infer<typeof Condition>;

/** One page of a list: opaque cursor, 1–100 rows. */
export const page = {
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(2048).optional(),
};
