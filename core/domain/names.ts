/** Names in clouds: derived from ids, never from what a person typed (DESIGN §7; seed-systems §4.1 H2.1). */

/** What every name of ours in a cloud begins with. */
export const INFRASTRUCTURE_PREFIX = 'rs-';

/** The name of a cluster where its provider keeps it: `clu_01k…` → `rs-01k…`; 29 characters, good for every provider. */
export const infrastructureName = (clusterId: string): string =>
  `${INFRASTRUCTURE_PREFIX}${clusterId.slice(clusterId.indexOf('_') + 1)}`;
