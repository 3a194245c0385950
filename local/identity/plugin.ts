/** Cognito user pools as a part of the local AWS. */
import { join } from 'node:path';
import type { PluginFactory } from '#local/plugin.ts';
import { REGION } from '#local/types.ts';
import { identityApi } from './api.ts';
import { lookUpIn, type Mail } from './context.ts';
import { createPools } from './pool.ts';
import { userPoolClientHandler, userPoolDomainHandler, userPoolHandler } from './resources.ts';
import { createTokens } from './tokens.ts';
import { openUsers } from './users.ts';

/** Keeps people in `identity/` of the state folder. `onMail` gets what Cognito would have mailed; the issuer of a pool is `<endpoint>/<pool id>`. */
export const identityPlugin =
  (onMail: (mail: Mail) => void): PluginFactory =>
  ({ stateDir, endpoint }) => {
    const users = openUsers(join(stateDir, 'identity'));
    const pools = createPools();
    const tokens = createTokens(users, endpoint);
    return {
      name: 'identity',
      apis: [identityApi({ pools, users, tokens, onMail, lookUp: lookUpIn(users) })],
      resources: [userPoolHandler(pools), userPoolClientHandler(pools), userPoolDomainHandler],
      hosts: [{ host: `cognito-idp.${REGION}.amazonaws.com`, url: endpoint }],
      stop: () => users.close(),
    };
  };
