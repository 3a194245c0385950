import { describe, expect, it } from 'vitest';
import { allRoutes, functionOf } from '#core/contract/routes.ts';
import type { FunctionName } from '#functions/lib/env.ts';
import { constructIdOf } from '#infra/functions.ts';
import { ofType, synthesize } from './synthesized.ts';

const { template } = synthesize();

const apiOf = (protocol: string): string =>
  ofType(template, 'AWS::ApiGatewayV2::Api').find(([, { Properties }]) => Properties.ProtocolType === protocol)?.[0] ??
  '';

const routesOf = (api: string): Map<string, string> =>
  new Map(
    ofType(template, 'AWS::ApiGatewayV2::Route')
      .filter(([, { Properties }]) => Properties.ApiId.Ref === api)
      .map(([, { Properties }]) => {
        const integration = template.Resources[Properties.Target['Fn::Join'][1][1].Ref];
        const uri = JSON.stringify(integration?.Properties.IntegrationUri);
        return [Properties.RouteKey as string, /"(\w+Function)[0-9A-F]{8}"/.exec(uri)?.[1] ?? uri];
      }),
  );

describe('the HTTP API', () => {
  const http = apiOf('HTTP');

  it('has every route of the contract on the function that serves it, and a default for the rest, and no other', () => {
    const wanted = allRoutes.map((each) => [
      `${each.method} ${each.path}`,
      `${constructIdOf(`http/${functionOf(each)}` as FunctionName)}Function`,
    ]);
    expect(Object.fromEntries(routesOf(http))).toEqual({
      ...Object.fromEntries(wanted),
      $default: 'HttpSystemFunction',
    });
  });

  it('asks nobody by itself who calls: functions do', () => {
    expect(ofType(template, 'AWS::ApiGatewayV2::Authorizer')).toEqual([]);
    for (const [, { Properties }] of ofType(template, 'AWS::ApiGatewayV2::Route'))
      expect(Properties.AuthorizationType ?? 'NONE').toBe('NONE');
  });

  it('has one permission a function, and one more for the default route, which the others do not cover', () => {
    const permissions = ofType(template, 'AWS::Lambda::Permission')
      .filter(([, { Properties }]) => JSON.stringify(Properties.SourceArn).includes(`"${http}"`))
      .map(([, { Properties }]) => {
        const parts = Properties.SourceArn['Fn::Join'][1] as unknown[];
        return `${Properties.FunctionName['Fn::GetAtt'][0].slice(0, -8)} ${parts.at(-1)}`;
      });
    const functions = new Set(allRoutes.map((each) => constructIdOf(`http/${functionOf(each)}` as FunctionName)));
    expect(permissions.toSorted()).toEqual(
      [...[...functions].map((id) => `${id}Function /*/*/*`), 'HttpSystemFunction /*/*'].toSorted(),
    );
  });

  it('is throttled, harder where passwords can be guessed', () => {
    const [, stage] = ofType(template, 'AWS::ApiGatewayV2::Stage').find(
      ([, each]) => each.Properties.ApiId.Ref === http,
    )!;
    const all = stage.Properties.DefaultRouteSettings.ThrottlingRateLimit;
    expect(all).toBe(100);
    const auth = allRoutes
      .filter(({ path }) => path.startsWith('/api/v1/auth/'))
      .map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(stage.Properties.RouteSettings).toSorted()).toEqual(auth.toSorted());
    for (const each of Object.values<{ ThrottlingRateLimit: number }>(stage.Properties.RouteSettings))
      expect(each.ThrottlingRateLimit).toBeLessThan(all);
  });

  it('writes no path, query, header or address into its access log', () => {
    const [, stage] = ofType(template, 'AWS::ApiGatewayV2::Stage').find(
      ([, each]) => each.Properties.ApiId.Ref === http,
    )!;
    const fields = Object.values(JSON.parse(stage.Properties.AccessLogSettings.Format) as Record<string, string>);
    expect(fields.filter((field) => /path|query|header|identity|authorizer/i.test(field))).toEqual([]);
    expect(fields).toContain('$context.routeKey');
  });
});

describe('the WebSocket API', () => {
  const socket = apiOf('WEBSOCKET');

  it('has three routes on one function and chooses by the type of a message', () => {
    expect(Object.fromEntries(routesOf(socket))).toEqual({
      $connect: 'SocketHandlerFunction',
      $disconnect: 'SocketHandlerFunction',
      $default: 'SocketHandlerFunction',
    });
    expect(template.Resources[socket]?.Properties.RouteSelectionExpression).toBe('$request.body.type');
  });

  it('answers messages by the route response of $default', () => {
    const [[, response] = []] = ofType(template, 'AWS::ApiGatewayV2::RouteResponse');
    const route = template.Resources[response?.Properties.RouteId.Ref];
    expect(route?.Properties).toMatchObject({ RouteKey: '$default', RouteResponseSelectionExpression: '$default' });
  });

  it('never traces messages', () => {
    const [, stage] = ofType(template, 'AWS::ApiGatewayV2::Stage').find(
      ([, each]) => each.Properties.ApiId.Ref === socket,
    )!;
    expect(stage.Properties.StageName).toBe('ws');
    expect(stage.Properties.DefaultRouteSettings).toMatchObject({ DataTraceEnabled: false, LoggingLevel: 'OFF' });
  });
});
