/** Provider `eks`: clusters of Amazon EKS in the deployment's own account (DESIGN §4 EKS). */
import type { Provider } from '../provider.ts';
import { accessOf } from './access.ts';
import { clusterOf } from './cluster.ts';
import { computeOf } from './compute.ts';
import { inventoryOf } from './inventory.ts';
import type { EksParts } from './parts.ts';
import { removalOf } from './removal.ts';

export const eksProvider = (parts: EksParts): Provider => {
  const cluster = clusterOf(parts);
  const access = accessOf(parts, cluster.describe);
  return {
    drainable: true,
    ...cluster,
    ...access,
    ...computeOf(parts, access.access),
    ...removalOf(parts),
    ...inventoryOf(parts),
  };
};
