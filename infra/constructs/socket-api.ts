/** The WebSocket API for browsers, terminals and agents: one function takes all its routes (DESIGN §4 socket). */
import { Stack } from 'aws-cdk-lib';
import { type CfnStage, WebSocketApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Grant } from '../grant.ts';
import { accept } from '../nag.ts';

const STAGE = 'ws';

/** The API without its routes, so that functions may know its address; `serve` adds them. */
export class SocketApi extends Construct {
  readonly api: WebSocketApi;
  /** `wss://…/ws`: what clients open. */
  readonly url: string;
  /** `https://…/ws`: where messages are posted to connections. */
  readonly callbackUrl: string;
  /** Host name alone. */
  readonly host: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.api = new WebSocketApi(this, 'Api', {
      description: 'Roadstead',
      routeSelectionExpression: '$request.body.type',
    });
    const { region, urlSuffix } = Stack.of(this);
    this.host = `${this.api.apiId}.execute-api.${region}.${urlSuffix}`;
    this.url = `wss://${this.host}/${STAGE}`;
    this.callbackUrl = `https://${this.host}/${STAGE}`;
  }

  /** Adds `$connect`, `$disconnect`, `$default` and the stage. */
  serve(handler: IFunction): void {
    const integration = () => new WebSocketLambdaIntegration('Handler', handler);
    this.api.addRoute('$connect', { integration: integration() });
    this.api.addRoute('$disconnect', { integration: integration() });
    // The function's answer goes back by the route response: one call less than a post.
    this.api.addRoute('$default', { integration: integration(), returnResponse: true });
    const stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: STAGE,
      autoDeploy: true,
    });
    (stage.node.defaultChild as CfnStage).defaultRouteSettings = {
      // It would write every message into the log, those with tokens too.
      dataTraceEnabled: false,
      loggingLevel: 'OFF',
      throttlingRateLimit: 500,
      throttlingBurstLimit: 1000,
    };
    accept(this, {
      'AwsSolutions-APIG1':
        'an access log of a WebSocket stage needs one role for the whole account, which is not ours to set; the function logs each event itself (aws.md 21)',
      'AwsSolutions-APIG4':
        '$connect itself checks the ticket or the agent’s token and refuses; the other routes exist only for an open connection (DESIGN §4)',
    });
  }

  /** Posting to connections and closing them. */
  manageConnections(): Grant {
    const { partition, region, account } = Stack.of(this);
    const stage = `arn:${partition}:execute-api:${region}:${account}:${this.api.apiId}/${STAGE}`;
    return {
      sid: 'ManageConnections',
      actions: ['execute-api:ManageConnections'],
      resources: ['POST', 'DELETE'].map((method) => `${stage}/${method}/@connections/*`),
      wildcard: 'connections come and go: any of them may be posted to, on this one stage',
    };
  }
}
