/** The short names of templates: letters that make no words and no numbers, as Kubernetes names its ReplicaSets and revisions. */
import { createHash } from 'node:crypto';

const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** Ten letters that stand for `template`; another count of `collisions` gives another name. */
export function templateHash(template: unknown, collisions = 0): string {
  const digest = createHash('sha256').update(JSON.stringify(template)).update(String(collisions)).digest();
  return [...digest.subarray(0, 10)].map((byte) => SAFE[byte % SAFE.length]).join('');
}
