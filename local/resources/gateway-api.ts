/** AWS::ApiGatewayV2::Api: the HTTP or the WebSocket API. */
import { stableId } from '#local/template/without-effect.ts';
import { REGION, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

export const gatewayApi = ({ gateway, hosts, stackName, url, endpoint }: World): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::Api',
  create(resource) {
    refuseOthers(
      resource,
      ['Name', 'ProtocolType', 'RouteSelectionExpression'],
      ['Description', 'Tags', 'DisableExecuteApiEndpoint', 'IpAddressType'],
    );
    const { Name, ProtocolType, RouteSelectionExpression = '$request.body.action' } = resource.properties;
    const id = stableId(`${stackName}/${resource.logicalId}`, 10);
    gateway.add({ id, name: Name, protocol: ProtocolType, selection: RouteSelectionExpression });
    const host = `${id}.execute-api.${REGION}.amazonaws.com`;
    // The path after the host is the socket's stage in both: `/ws` of the port for people, `/ws/@connections` of the endpoint.
    if (ProtocolType === 'WEBSOCKET') hosts.add(`wss://${host}`, url.replace('http', 'ws'));
    hosts.add(`https://${host}`, ProtocolType === 'HTTP' ? url : `${endpoint}/execute-api/${id}`);
    return {
      ref: id,
      attributes: { ApiId: id, ApiEndpoint: `${ProtocolType === 'HTTP' ? 'https' : 'wss'}://${host}` },
    };
  },
});
