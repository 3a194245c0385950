/** A request as a function behind an HTTP API gets it: payload format 2.0. */
import { randomUUID } from 'node:crypto';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { ACCOUNT, type ApiRequest, REGION } from '#local/types.ts';
import type { GatewayApi, Route } from './model.ts';
import type { Match } from './route-match.ts';
import { gatewayTime } from './time.ts';

/** Bodies of these types come as text; all others, forms too, as base64 (measured on AWS: ministackorg/ministack#766). */
const TEXT = /^\s*(text\/|application\/(json|xml|javascript)\s*(;|$))/i;

export function httpEvent(
  api: GatewayApi,
  { route, parameters }: Match<Route>,
  request: ApiRequest & { readonly rawQuery: string; readonly decodedPath: string },
  sourceIp: string,
  now: number,
): APIGatewayProxyEventV2 {
  const { cookie, ...headers } = request.headers;
  const query: Record<string, string> = {};
  for (const [name, value] of request.query) query[name] = name in query ? `${query[name]},${value}` : value;
  const isText = TEXT.test(headers['content-type'] ?? '');
  const has = request.body.length > 0;
  return {
    version: '2.0',
    routeKey: route.key,
    rawPath: request.decodedPath,
    rawQueryString: request.rawQuery,
    ...(cookie && { cookies: cookie.split(/;\s*/) }),
    headers: {
      ...headers,
      'x-amzn-trace-id': `Root=1-${Math.floor(now / 1000).toString(16)}-${randomUUID().replaceAll('-', '').slice(0, 24)}`,
      'x-forwarded-for': headers['x-forwarded-for'] ? `${headers['x-forwarded-for']}, ${sourceIp}` : sourceIp,
      'x-forwarded-port': headers.host?.split(':')[1] ?? '80',
      'x-forwarded-proto': 'http',
    },
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    ...(Object.keys(parameters).length > 0 && { pathParameters: { ...parameters } }),
    requestContext: {
      accountId: ACCOUNT,
      apiId: api.id,
      domainName: `${api.id}.execute-api.${REGION}.amazonaws.com`,
      domainPrefix: api.id,
      http: {
        method: request.method,
        path: request.decodedPath,
        protocol: 'HTTP/1.1',
        sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: route.key,
      stage: '$default',
      time: gatewayTime(now),
      timeEpoch: now,
    },
    ...(has && { body: request.body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: has && !isText,
  };
}
