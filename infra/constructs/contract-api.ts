/** The HTTP API: one gateway route for each route of the contract, everything else to our own 404 (DESIGN §4 HTTP). */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnStage,
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type allRoutes, functionOf } from '#core/contract/routes.ts';
import { accept } from '../nag.ts';

export interface ContractApiProps {
  readonly routes: typeof allRoutes;
  /** Functions by the first part of a route's id: `clusters.create` → `clusters`. */
  readonly functions: ReadonlyMap<string, IFunction>;
  /** Answers what no route takes. */
  readonly fallback: IFunction;
}

/** Requests a second and at once: bounds the bill of an unauthenticated flood. Lower where passwords can be guessed. */
const THROTTLE = { all: { rate: 100, burst: 200 }, auth: { rate: 5, burst: 20 } } as const;

/** The API without its routes, so that functions may know its address; `serve` adds them. */
export class ContractApi extends Construct {
  readonly api: HttpApi;
  /** `https://…`, without a slash at the end. */
  readonly url: string;
  /** Host name alone. */
  readonly host: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.api = new HttpApi(this, 'Api', { description: 'Roadstead', createDefaultStage: false });
    const { region, urlSuffix } = Stack.of(this);
    this.host = `${this.api.apiId}.execute-api.${region}.${urlSuffix}`;
    this.url = `https://${this.host}`;
  }

  /** Adds the routes and the stage. */
  serve({ routes, functions, fallback }: ContractApiProps): void {
    const integrations = new Map<IFunction, HttpLambdaIntegration>();
    const integrationOf = (target: IFunction): HttpLambdaIntegration => {
      const known = integrations.get(target);
      if (known !== undefined) return known;
      // One permission a function: one a route overflows its policy at some thirty routes (aws.md 20).
      const made = new HttpLambdaIntegration(`${target.node.scope?.node.id}`, target, {
        scopePermissionToRoute: false,
      });
      integrations.set(target, made);
      return made;
    };

    const made = routes.map((each) => {
      const target = functions.get(functionOf(each));
      if (target === undefined)
        throw new Error(
          `the route ${each.id} is served by the function http/${functionOf(each)}, which functions/lib/env.ts does not name`,
        );
      return new HttpRoute(this, each.id, {
        httpApi: this.api,
        routeKey: HttpRouteKey.with(each.path, HttpMethod[each.method]),
        integration: integrationOf(target),
      });
    });
    made.push(
      new HttpRoute(this, 'fallback', {
        httpApi: this.api,
        routeKey: HttpRouteKey.DEFAULT,
        // Invoked as `…/$default/$default`, which the permission for the whole API (`…/*/*/*`) does not cover: it needs its own.
        integration: new HttpLambdaIntegration('Fallback', fallback),
      }),
    );

    const log = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: THROTTLE.all.rate, burstLimit: THROTTLE.all.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(log),
        // The route's key and never the path, the query or a header: those may hold what nobody else should read.
        format: AccessLogFormat.custom(
          JSON.stringify({
            requestId: '$context.requestId',
            route: '$context.routeKey',
            status: '$context.status',
            bytes: '$context.responseLength',
            milliseconds: '$context.responseLatency',
            problem: '$context.integrationErrorMessage',
          }),
        ),
      },
    });
    (stage.node.defaultChild as CfnStage).routeSettings = Object.fromEntries(
      routes
        .filter((each) => each.path.startsWith('/api/v1/auth/'))
        .map((each) => [
          `${each.method} ${each.path}`,
          { ThrottlingRateLimit: THROTTLE.auth.rate, ThrottlingBurstLimit: THROTTLE.auth.burst },
        ]),
    );
    // Settings of a route that is not there yet are refused.
    stage.node.addDependency(...made);

    accept(this, {
      'AwsSolutions-APIG4':
        'principals are found by middleware in each function: an authorizer would cache revoked keys and answer in another error format; a test proves that every route but the public ones refuses without one (DESIGN §4)',
    });
  }
}
