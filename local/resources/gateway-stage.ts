/** AWS::ApiGatewayV2::Stage: `$default` for the HTTP API; the WebSocket API's stage is reached on `/ws`. */
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = ['ApiId', 'StageName', 'AutoDeploy', 'DeploymentId'];
/** Throttling and logs: no test here relies on them. */
const WITHOUT_EFFECT = ['AccessLogSettings', 'DefaultRouteSettings', 'Description', 'RouteSettings', 'Tags'];

/** The stage that each protocol is served on: the path of a socket's URL is its stage, and ours is `/ws`. */
const SERVED = { HTTP: '$default', WEBSOCKET: 'ws' } as const;

export const gatewayStage = ({ gateway }: World): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::Stage',
  create(resource) {
    refuseOthers(resource, READ, WITHOUT_EFFECT);
    const { ApiId, StageName } = resource.properties;
    const api = gateway.get(ApiId);
    if (StageName !== SERVED[api.protocol])
      throw new Error(
        `${resource.logicalId}: the ${api.protocol} API is served on its stage ${SERVED[api.protocol]} only, given ${StageName}`,
      );
    api.stages.push(StageName);
    return { ref: StageName };
  },
});
