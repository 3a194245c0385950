/** AWS::ApiGatewayV2::Route, its RouteResponse, IntegrationResponse and Deployment. */
import { stableId } from '#local/template/without-effect.ts';
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

export const gatewayRoute = ({ gateway }: World): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::Route',
  create(resource) {
    refuseOthers(
      resource,
      ['ApiId', 'RouteKey', 'Target', 'AuthorizationType', 'RouteResponseSelectionExpression'],
      ['OperationName', 'ApiKeyRequired', 'AuthorizationScopes'],
    );
    const { logicalId, properties: it } = resource;
    if ((it.AuthorizationType ?? 'NONE') !== 'NONE')
      throw new Error(`${logicalId}: no authorizer runs here, given AuthorizationType ${it.AuthorizationType}`);
    const api = gateway.get(it.ApiId);
    const integrationId = String(it.Target).replace('integrations/', '');
    if (!api.integrations.has(integrationId))
      throw new Error(`${logicalId}: its target ${it.Target} is no integration`);
    if (api.routes.some(({ key }) => key === it.RouteKey))
      throw new Error(`${logicalId}: the route ${it.RouteKey} is there already`);
    const id = stableId(`${api.id}/${logicalId}`, 7);
    api.routes.push({ id, key: it.RouteKey, integrationId, answers: false });
    return { ref: id, attributes: { RouteId: id } };
  },
});

export const gatewayRouteResponse = ({ gateway }: World): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::RouteResponse',
  create(resource) {
    refuseOthers(resource, ['ApiId', 'RouteId', 'RouteResponseKey']);
    const { ApiId, RouteId } = resource.properties;
    const route = gateway.get(ApiId).routes.find(({ id }) => id === RouteId);
    if (!route) throw new Error(`${resource.logicalId}: no route ${RouteId}`);
    route.answers = true;
    return { ref: `${RouteId}r` };
  },
});

/** An integration's answer goes through as it is: a proxy integration takes no response of its own. */
export const gatewayIntegrationResponse = (): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::IntegrationResponse',
  create: (resource) => {
    refuseOthers(resource, ['ApiId', 'IntegrationId', 'IntegrationResponseKey']);
    return { ref: `${resource.properties.IntegrationId}r` };
  },
});

export const gatewayDeployment = (): ResourceHandler => ({
  type: 'AWS::ApiGatewayV2::Deployment',
  create: (resource) => {
    refuseOthers(resource, ['ApiId', 'StageName'], ['Description']);
    const id = stableId(resource.logicalId, 6);
    return { ref: id, attributes: { DeploymentId: id } };
  },
});
