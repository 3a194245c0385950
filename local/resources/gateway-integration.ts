/** AWS::ApiGatewayV2::Integration: the function behind a route. */
import { stableId } from '#local/template/without-effect.ts';
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = ['ApiId', 'IntegrationType', 'IntegrationUri', 'PayloadFormatVersion', 'IntegrationMethod'];
const WITHOUT_EFFECT = ['ConnectionType', 'Description', 'ContentHandlingStrategy', 'PassthroughBehavior'];

/** A WebSocket integration names the function inside an API Gateway path. */
const functionOf = (uri: string): string => /functions\/(arn:.+)\/invocations$/.exec(uri)?.[1] ?? uri;

export const gatewayIntegration = ({ gateway, functions }: World): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::Integration',
  create(resource) {
    refuseOthers(resource, READ, WITHOUT_EFFECT);
    const { logicalId, properties: it } = resource;
    const api = gateway.get(it.ApiId);
    if (it.IntegrationType !== 'AWS_PROXY')
      throw new Error(`${logicalId}: only AWS_PROXY integrations run here, given ${it.IntegrationType}`);
    if (api.protocol === 'HTTP' && it.PayloadFormatVersion !== '2.0')
      throw new Error(`${logicalId}: only payload format 2.0 is sent here, given ${it.PayloadFormatVersion}`);
    const id = stableId(`${api.id}/${logicalId}`, 7);
    api.integrations.set(id, functions.get(functionOf(it.IntegrationUri)).arn);
    return { ref: id, attributes: { IntegrationId: id } };
  },
});
