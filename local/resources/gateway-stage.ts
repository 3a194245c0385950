/** AWS::ApiGatewayV2::Stage: `$default` for the HTTP API; the WebSocket API's stage is reached on `/ws`. */
import { REGION, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = ['ApiId', 'StageName', 'AutoDeploy', 'DeploymentId'];
/** Throttling and logs: no test here relies on them. */
const WITHOUT_EFFECT = ['AccessLogSettings', 'DefaultRouteSettings', 'Description', 'RouteSettings', 'Tags'];

export const gatewayStage = ({ gateway, hosts, socketUrl, endpoint }: World): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::Stage',
  create(resource) {
    refuseOthers(resource, READ, WITHOUT_EFFECT);
    const { ApiId, StageName } = resource.properties;
    const api = gateway.get(ApiId);
    if (api.protocol === 'HTTP' && StageName !== '$default')
      throw new Error(`${resource.logicalId}: the HTTP API is served on its stage $default only, given ${StageName}`);
    if (api.protocol === 'WEBSOCKET') {
      const host = `${api.id}.execute-api.${REGION}.amazonaws.com/${StageName}`;
      hosts.add(`wss://${host}`, socketUrl);
      hosts.add(`https://${host}`, `${endpoint}/execute-api/${api.id}/${StageName}`);
    }
    api.stages.push(StageName);
    return { ref: StageName };
  },
});
