/** Clusters that a person connects: nothing is made, nothing is removed, and we are never given a way in (DESIGN §1, §2 outbound only). */
import type { Provider } from '../provider.ts';

export const existingProvider = (): Provider => ({
  drainable: true,
  livesOn: true,
  // A person reads mail, finds a terminal, asks a colleague: the install token is good for an hour.
  helloSeconds: 3000,
  ensure: async () => 'active',
  observe: async () => 'active',
  grantAccess: async () => {},
  ensureCompute: async () => {},
  observeCompute: async () => 'active',
  access: async () => null,
  describe: async ({ options: { apiServer } }) =>
    apiServer === undefined ? null : { endpoint: apiServer.url, ca: apiServer.certificateAuthority },
  remove: async () => 'gone',
  observeGone: async () => 'gone',
  listOwned: async () => [],
  versions: async () => ({ default: 'existing', offered: ['existing'] }),
});
