/** Every CloudFormation type that comes to life here, but those of plugins. */
import type { ResourceHandler } from '#local/types.ts';
import { cloudfrontDistribution } from './cloudfront-distribution.ts';
import { dynamoTables } from './dynamodb-table.ts';
import { eventsRule } from './events-rule.ts';
import { gatewayApi } from './gateway-api.ts';
import { gatewayIntegration } from './gateway-integration.ts';
import { gatewayDeployment, gatewayIntegrationResponse, gatewayRoute, gatewayRouteResponse } from './gateway-route.ts';
import { gatewayStage } from './gateway-stage.ts';
import { iamInstanceProfile } from './iam-instance-profile.ts';
import { iamManagedPolicy, iamPolicy } from './iam-policy.ts';
import { iamRole } from './iam-role.ts';
import { kmsAlias, kmsKey } from './kms-key.ts';
import { lambdaEventInvokeConfig } from './lambda-event-invoke-config.ts';
import { lambdaEventSourceMapping } from './lambda-event-source-mapping.ts';
import { lambdaFunction } from './lambda-function.ts';
import { lambdaPermission } from './lambda-permission.ts';
import { s3Bucket, s3BucketPolicy } from './s3-bucket.ts';
import type { World } from './world.ts';

export const resourceHandlers = (world: World): ResourceHandler[] => [
  cloudfrontDistribution(world),
  ...dynamoTables(world),
  eventsRule(world),
  gatewayApi(world),
  gatewayDeployment(),
  gatewayIntegration(world),
  gatewayIntegrationResponse(),
  gatewayRoute(world),
  gatewayRouteResponse(world),
  gatewayStage(world),
  iamInstanceProfile(world),
  iamManagedPolicy(world),
  iamPolicy(world),
  iamRole(world),
  kmsAlias(world),
  kmsKey(world),
  lambdaEventInvokeConfig(world),
  lambdaEventSourceMapping(world),
  lambdaFunction(world),
  lambdaPermission(world),
  s3Bucket(world),
  s3BucketPolicy(world),
];
