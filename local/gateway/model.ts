/** What the template says of its HTTP and WebSocket APIs, gathered resource by resource. */
import { ACCOUNT, REGION } from '#local/types.ts';

export interface Route {
  readonly id: string;
  /** `GET /clusters/{id}`, `$default`, `$connect`, … */
  readonly key: string;
  readonly integrationId: string;
  /** Whether the integration's answer goes back to the client of a WebSocket (RouteResponse). */
  answers: boolean;
}

export interface GatewayApi {
  readonly id: string;
  readonly name: string;
  readonly protocol: 'HTTP' | 'WEBSOCKET';
  /** `$request.body.type`; WebSocket only. */
  readonly selection: string;
  readonly routes: Route[];
  /** Integration id → function ARN. */
  readonly integrations: Map<string, string>;
  readonly stages: string[];
}

/** The APIs of the template; at most one of each protocol is served. */
export interface GatewayModel {
  add(api: Pick<GatewayApi, 'id' | 'name' | 'protocol' | 'selection'>): GatewayApi;
  /** Throws for an id that no Api resource made. */
  get(id: string): GatewayApi;
  http(): GatewayApi | undefined;
  socket(): GatewayApi | undefined;
}

export function createGatewayModel(): GatewayModel {
  const apis = new Map<string, GatewayApi>();
  const only = (protocol: GatewayApi['protocol']): GatewayApi | undefined =>
    [...apis.values()].find((api) => api.protocol === protocol);
  return {
    add(api) {
      if (only(api.protocol)) throw new Error(`a second ${api.protocol} API: one of each protocol is served here`);
      const made: GatewayApi = { ...api, routes: [], integrations: new Map(), stages: [] };
      apis.set(api.id, made);
      return made;
    },
    get(id) {
      const found = apis.get(id);
      if (!found) throw new Error(`no API ${id} in the template`);
      return found;
    },
    http: () => only('HTTP'),
    socket: () => only('WEBSOCKET'),
  };
}

/** The ARN of the route that calls a function: what a Lambda::Permission's SourceArn is compared with. */
export function routeArn(api: GatewayApi, stage: string, routeKey: string): string {
  // `$default` has one part less than a method and a path (aws/serverless-application-model#1860).
  const rest =
    routeKey.startsWith('$') || api.protocol === 'WEBSOCKET' ? `/${routeKey}` : `/${routeKey.replace(' ', '')}`;
  return `arn:aws:execute-api:${REGION}:${ACCOUNT}:${api.id}/${stage}${rest}`;
}
