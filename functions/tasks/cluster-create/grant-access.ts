/** Lambda: Lets our own role and the people's roles into the cluster. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveProviders } from '../providers/live.ts';
import { grantAccess } from '../steps/create.ts';

const env = readEnv('tasks/cluster-create/grant-access');

export const handler = grantAccess({ ...liveDeps(env, 'cluster-create-grant-access'), providers: liveProviders(env) });
